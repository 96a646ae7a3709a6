//! `souk catalogue`: products from a CSV file, and to one (docs/api-guide.md#import-and-export).

use crate::config::Settings;
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Import products from a CSV file. If anything is wrong in it, that is listed, nothing is imported, and the exit code is 1
    Import {
        /// The file; - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only check the file, and say what an import would do
        #[arg(long)]
        dry_run: bool,
        /// Set the stock of variants that exist, too
        #[arg(long)]
        set_stock: bool,
    },
    /// Export all products as a CSV file, which can be imported again
    Export {
        /// The file, which must not exist yet; without it, standard output
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[cfg(feature = "product")]
pub(crate) use with_product::run;

#[cfg(feature = "product")]
mod with_product {
    use super::{Command, ExitCode, PathBuf, Settings};
    use anyhow::Context;
    use indicatif::{ProgressBar, ProgressStyle};
    use product::{ImportCounts, ImportOptions, Products};
    use std::{
        fs::File,
        io::{self, Write},
        path::Path,
    };

    pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
        let products = Products::open_and_migrate(&settings.product).await.map_err(of_product)?;
        match command {
            Command::Import { file, dry_run, set_stock } => import(&products, &file, ImportOptions { dry_run, set_stock }).await,
            Command::Export { file } => export(&products, file).await.map(|()| ExitCode::SUCCESS),
        }
    }

    fn of_product(e: impl std::fmt::Display) -> anyhow::Error {
        anyhow::anyhow!("product: {e}")
    }

    #[expect(clippy::print_stdout, reason = "the output of the command")]
    async fn import(products: &Products, path: &Path, options: ImportOptions) -> anyhow::Result<ExitCode> {
        let name = || path.display().to_string();
        let file = if path == Path::new("-") { standard_input()? } else { File::open(path).with_context(name)? };
        let bar = bar(0, "rows")?;
        let progress = |counts: ImportCounts, is_writing: bool| {
            bar.set_message(if is_writing { "importing" } else { "checking" });
            bar.set_length(counts.rows);
            bar.set_position(counts.done);
        };
        let wrong = |row| bar.suspend(|| println!("{row}"));
        let counts = products.import_file(&file, options, wrong, progress).await.map_err(of_product)?;
        let took = bar.elapsed().as_secs_f64();
        bar.finish_and_clear();
        let ImportCounts { rows, added, changed, unchanged, wrong, .. } = counts;
        match (wrong, options.dry_run) {
            (0, false) => {
                println!("{rows} rows in {took:.1} s: {added} products added, {changed} changed, {unchanged} unchanged")
            }
            (0, true) => {
                println!("{rows} rows in {took:.1} s: {added} products would be added, {changed} changed, {unchanged} unchanged")
            }
            _ if added + changed + unchanged == 0 => println!("{wrong} wrong in {rows} rows: nothing was imported"),
            _ => println!(
                "{wrong} wrong: others have changed the catalogue meanwhile; {added} products were added, {changed} changed"
            ),
        }
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Keeps standard input in a file, because it is read twice.
    fn standard_input() -> anyhow::Result<File> {
        let mut file = tempfile::tempfile().context("a temporary file")?;
        io::copy(&mut io::stdin().lock(), &mut file).context("standard input")?;
        Ok(file)
    }

    async fn export(products: &Products, path: Option<PathBuf>) -> anyhow::Result<()> {
        let mut to: Box<dyn Write> = match &path {
            Some(path) => Box::new(File::create_new(path).with_context(|| path.display().to_string())?),
            None => Box::new(io::stdout().lock()),
        };
        let bar = bar(products.count_exported(None).await.map_err(of_product)?, "products")?;
        bar.set_message("exporting");
        let mut export = products.export(None).await.map_err(of_product)?;
        while let Some(piece) = export.next().await.map_err(of_product)? {
            to.write_all(&piece.bytes)?;
            bar.inc(piece.products);
        }
        to.flush()?;
        let (count, took) = (bar.position(), bar.elapsed().as_secs_f64());
        bar.finish_and_clear();
        eprintln!("{count} products in {took:.1} s");
        Ok(())
    }

    /// A bar on a terminal.
    fn bar(length: u64, what: &str) -> anyhow::Result<ProgressBar> {
        let style =
            ProgressStyle::with_template(&format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left"))?;
        Ok(ProgressBar::new(length).with_style(style))
    }
}

#[cfg(not(feature = "product"))]
pub(crate) async fn run(_: &Settings, _: Command) -> anyhow::Result<ExitCode> {
    anyhow::bail!("product is not compiled into this binary: build with --features product")
}
