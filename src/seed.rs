//! `souk seed`: fills the catalogue.

use crate::config::Settings;

/// Adds the demo shop to an empty catalogue, or `products` made-up products with this many variants each to any.
#[cfg(feature = "product")]
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings, products: Option<usize>, variants: usize) -> anyhow::Result<()> {
    let of_product = |e| anyhow::anyhow!("product: {e}");
    let catalogue = product::Products::open_and_migrate(&settings.product).await.map_err(of_product)?;
    let Some(count) = products else {
        let added = catalogue.seed_demo().await.map_err(of_product)?;
        println!("added {added} products");
        return Ok(());
    };
    let style = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} variants, {per_sec}, {eta} left")?;
    let bar = indicatif::ProgressBar::new((count * variants) as u64).with_style(style);
    let progress = |counts: product::ImportCounts, is_writing| {
        bar.set_message(if is_writing { "adding" } else { "checking" });
        bar.set_position(counts.done);
    };
    let counts = catalogue.seed_many(count, variants, progress).await.map_err(of_product)?;
    bar.finish_and_clear();
    println!("added {} products with {} variants in {:.1} s", counts.added, counts.rows, bar.elapsed().as_secs_f64());
    Ok(())
}

/// Adds the demo shop to an empty catalogue, or made-up products to any.
#[cfg(not(feature = "product"))]
pub(crate) async fn run(_: &Settings, _: Option<usize>, _: usize) -> anyhow::Result<()> {
    anyhow::bail!("product is not compiled into this binary: build with --features product")
}
