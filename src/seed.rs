//! `souk seed`: fills the catalogue.

use crate::config::Settings;

/// Adds the demo shop to an empty catalogue, or `products` made-up products to any.
#[cfg(feature = "product")]
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings, products: Option<usize>) -> anyhow::Result<()> {
    let of_product = |e| anyhow::anyhow!("product: {e}");
    let catalogue = product::Products::open_and_migrate(&settings.product).await.map_err(of_product)?;
    let Some(count) = products else {
        let added = catalogue.seed_demo().await.map_err(of_product)?;
        println!("added {added} products");
        return Ok(());
    };
    let bar = indicatif::ProgressBar::new(count as u64)
        .with_style(indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} products, {per_sec}, {eta} left")?);
    catalogue.seed_many(count, |added| bar.inc(added as u64)).await.map_err(of_product)?;
    bar.finish();
    println!("added {count} products in {:.1} s", bar.elapsed().as_secs_f64());
    Ok(())
}

/// Adds the demo shop to an empty catalogue, or made-up products to any.
#[cfg(not(feature = "product"))]
pub(crate) async fn run(_: &Settings, _: Option<usize>) -> anyhow::Result<()> {
    anyhow::bail!("product is not compiled into this binary: build with --features product")
}
