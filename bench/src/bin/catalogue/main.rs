//! What reading a large catalogue costs, on both stores, compared with the same statements behind a bare handler.
//!
//! `cargo build --release && cargo run --release -p bench --bin catalogue`. The processor time counts, of the server and of PostgreSQL;
//! only the ratios within one run count.
#![expect(clippy::print_stdout, reason = "the output of the program")]

mod bare;
mod cases;
#[path = "../../load.rs"]
mod load;
#[path = "../../process.rs"]
mod process;
mod stores;

use anyhow::Context;
use cases::Case;
use clap::{Parser, Subcommand};
use load::Measured;
use process::{Started, command, listen, souk};
use std::{env, net::SocketAddr, path::Path, process::Command as Program, time::Duration};
use stores::Store;

// as in souk
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The goal: the processor time of the bare handler as a part of the shop's.
const GOAL: f64 = 0.8;
/// The goal: a page far down a list as a multiple of the first one's processor time.
const GOAL_OF_PAGES: f64 = 1.2;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Sizes of the catalogues
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    products: Vec<u64>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds; each loads every server once in every case
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 8)]
    connections: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Answer the statements of each case without the shop (the program starts itself with this command)
    Bare {
        /// URL of the database of products
        database: String,
        /// Products in it
        products: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Command::Bare { database, products }) = &cli.command {
        return bare::serve(database, *products);
    }
    let folder = tempfile::tempdir()?;
    println!("{} connections, {} rounds of {} s; three variants each", cli.connections, cli.rounds, cli.seconds);
    for products in &cli.products {
        for store in [Store::sqlite(folder.path(), *products), Store::postgres(*products)?] {
            measure_store(&cli, folder.path(), &store, *products).with_context(|| format!("{products} on {}", store.name()))?;
        }
    }
    Ok(())
}

fn measure_store(cli: &Cli, folder: &Path, store: &Store, products: u64) -> anyhow::Result<()> {
    let souk = souk()?;
    let data = folder.join(format!("{}{products}", store.name()));
    let quiet = [("SOUK_LOG__FILTER", "warn"), ("SOUK_GATEWAY__LIMITS", "off"), ("SOUK_PRODUCT__DATABASE_URL", store.url())];
    let seeded = command(&souk, folder, &data, &quiet).args(["seed", "--products", &products.to_string()]).output()?;
    anyhow::ensure!(seeded.status.success(), "souk seed: {}", String::from_utf8_lossy(&seeded.stderr));
    store.settle()?;
    let mut bare = Program::new(env::current_exe()?);
    bare.args(["bare", store.url(), &products.to_string()]);
    let (bare, mut shop) = (listen(bare)?, command(&souk, folder, &data, &quiet));
    shop.arg("serve");
    let shop = listen(shop)?;
    let cursors = cursors(shop.1, products)?;
    println!(
        "\n| {products} products, {} | bare req/s | shop req/s | shop p50, p99 ms | bare CPU µs | shop CPU µs | bare to shop |\n|---|--:|--:|--:|--:|--:|--:|",
        store.name()
    );
    let mut first_page = 0.0;
    for (number, case) in Case::ALL.into_iter().enumerate() {
        let mut rounds = Vec::new();
        for _ in 0..cli.rounds {
            let plain = measure(cli, store, &bare, move |n| format!("/{number}/{n}"))?;
            let cursors = cursors.clone();
            let whole = measure(cli, store, &shop, move |n| case.path(n, products, &cursors))?;
            rounds.push((plain, whole));
        }
        let of = |what: &dyn Fn(&(Measured, Measured)) -> f64| median(rounds.iter().map(what));
        let ratio = of(&|(bare, shop)| bare.cpu / shop.cpu);
        let micros = of(&|(_, shop)| shop.cpu * 1e6);
        println!(
            "| {} | {:.0} | {:.0} | {:.1}, {:.1} | {:.0} | {micros:.0} | **{ratio:.2}** ({}) |",
            case.title(),
            of(&|(bare, _)| bare.per_second),
            of(&|(_, shop)| shop.per_second),
            of(&|(_, shop)| shop.p50 / 1e3),
            of(&|(_, shop)| shop.p99 / 1e3),
            of(&|(bare, _)| bare.cpu * 1e6),
            if ratio >= GOAL { "met" } else { "missed" },
        );
        match case {
            Case::SecondPage => first_page = micros,
            Case::FarPage => {
                let times = micros / first_page;
                let verdict = if times <= GOAL_OF_PAGES { "met" } else { "missed" };
                println!("| … to the second page: {times:.2} ({verdict}) | | | | | | |");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Loads a server, and adds the processor time that it and the store used.
fn measure(
    cli: &Cli,
    store: &Store,
    (process, address): &Started,
    path: impl Fn(u64) -> String + Clone + 'static,
) -> anyhow::Result<Measured> {
    load::run(*address, path.clone(), cli.connections, Duration::from_millis(500))?;
    let cpu = || Ok::<_, anyhow::Error>(process.cpu()? + store.cpu()?);
    let before = cpu()?;
    let mut measured = load::run(*address, path, cli.connections, Duration::from_secs(cli.seconds))?;
    measured.cpu = (cpu()? - before) / measured.requests;
    Ok(measured)
}

/// The cursors of the second page, and of one far down the list: the 5,000th, or the last full one.
fn cursors(shop: SocketAddr, products: u64) -> anyhow::Result<(String, String)> {
    let (mut cursor, mut second) = (String::new(), String::new());
    for page in 1..cases::far_page(products) {
        let from = if cursor.is_empty() { cursor } else { format!("&cursor={cursor}") };
        let body = load::once(shop, &format!("/api/products?per_page={}{from}", cases::PER_PAGE))?;
        let page_of: serde_json::Value = serde_json::from_slice(&body)?;
        cursor = page_of["pagination"]["next_cursor"].as_str().context("the list ends too early")?.to_owned();
        if page == 1 {
            second.clone_from(&cursor);
        }
    }
    Ok((second, cursor))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
