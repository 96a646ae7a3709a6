//! `souk migrate` and `souk seed`: work on the stores of this process, without serving.

use crate::config::Settings;

/// Brings every compiled-in module's store up to date.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    #[cfg(feature = "product")]
    report("product", product::migrate(&settings.product).await)?;
    #[cfg(feature = "user")]
    report("user", user::migrate(&settings.user).await)?;
    #[cfg(feature = "cart")]
    report("cart", cart::migrate(&settings.cart).await)?;
    #[cfg(feature = "order")]
    report("order", order::migrate(&settings.order).await)?;
    #[cfg(feature = "payment")]
    report("payment", payment::migrate(&settings.payment).await)?;
    #[cfg(feature = "notification")]
    report("notification", notification::migrate(&settings.notification).await)?;
    let _ = settings;
    println!("all stores are up to date");
    Ok(())
}

#[cfg(feature = "store")]
fn report<T>(module: &str, result: Result<T, kernel::BoxError>) -> anyhow::Result<T> {
    result.map_err(|e| anyhow::anyhow!("{module}: {e}"))
}

/// The databases of the modules that tell events.
#[cfg(feature = "store")]
pub(crate) async fn outboxes(settings: &Settings) -> anyhow::Result<Vec<kernel::db::Db>> {
    let _ = settings;
    Ok(vec![
        #[cfg(feature = "user")]
        report("user", user::database(&settings.user).await)?,
        #[cfg(feature = "order")]
        report("order", order::database(&settings.order).await)?,
        #[cfg(feature = "payment")]
        report("payment", payment::database(&settings.payment).await)?,
    ])
}

/// Adds the demo shop to an empty catalogue, or `products` made-up products to any.
#[cfg(feature = "product")]
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn seed(settings: &Settings, products: Option<usize>) -> anyhow::Result<()> {
    let catalogue = report("product", product::open(&settings.product).await)?;
    let Some(count) = products else {
        let added = report("product", catalogue.seed_demo().await)?;
        println!("added {added} products");
        return Ok(());
    };
    let bar = indicatif::ProgressBar::new(count as u64)
        .with_style(indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} products, {per_sec}, {eta} left")?);
    report("product", catalogue.seed_many(count, |added| bar.inc(added as u64)).await)?;
    bar.finish();
    println!("added {count} products in {:.1} s", bar.elapsed().as_secs_f64());
    Ok(())
}

/// Adds the demo shop to an empty catalogue, or made-up products to any.
#[cfg(not(feature = "product"))]
pub(crate) async fn seed(_: &Settings, _: Option<usize>) -> anyhow::Result<()> {
    anyhow::bail!("product is not compiled into this binary: build with --features product")
}
