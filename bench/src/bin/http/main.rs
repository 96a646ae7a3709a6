//! How many product reads a second the shop serves, in one process and split, compared with a bare handler.
//!
//! `cargo build --release && cargo run --release -p bench --bin http`. All are loaded in turn, in one run; only the ratios count.
#![expect(clippy::print_stdout, reason = "the output of the program")]

mod bare;
#[path = "../../load.rs"]
mod load;
#[path = "../../process.rs"]
mod process;
#[path = "../../seeing.rs"]
mod seeing;
mod servers;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use load::Measured;
use servers::Server;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

// as in souk
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PRODUCTS: u64 = 10_000;
const PER_PAGE: u64 = 20;
/// The goals: requests per second of one process as a part of the bare handler's, and of split as a part of one process's.
const GOALS: (f64, f64) = (0.85, 0.4);

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds; each loads every server once on every route
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// Also load one process with default settings: requests logged, calls limited
    #[arg(long)]
    defaults: bool,
    /// Instead, load one process with traces and logs on and off
    #[arg(long)]
    seeing: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the two routes without the shop (the program starts itself with this command)
    Bare {
        /// The database of products, e.g. data/product.db
        database: PathBuf,
    },
}

/// A route; every request is for another product or page.
#[derive(Clone, Copy)]
enum Route {
    Product,
    Page,
}

impl Route {
    const ALL: [Route; 2] = [Route::Product, Route::Page];

    fn title(self) -> &'static str {
        match self {
            Route::Product => "One product by id",
            Route::Page => "A page of 20 out of 10,000",
        }
    }

    /// The path of the `n`th request. 7919 is a prime, so that all products and pages come, in no order.
    fn path(self, n: u64) -> String {
        let n = n.wrapping_mul(7919);
        match self {
            Route::Product => format!("/api/products/{}", 1 + n % PRODUCTS),
            Route::Page => format!("/api/products?per_page={PER_PAGE}&page={}", 1 + n % (PRODUCTS / PER_PAGE)),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Command::Bare { database }) = cli.command {
        return bare::serve(&database);
    }
    ensure!(cli.rounds > 0 && cli.seconds > 0 && cli.connections > 0, "rounds, seconds and connections must be at least 1");
    let folder = tempfile::tempdir()?;
    let servers = if cli.seeing { servers::seeing(folder.path())? } else { servers::start(folder.path(), cli.defaults)? };
    for route in Route::ALL {
        same_answers(&servers, route)?;
    }
    println!(
        "{} cores, {} connections, {} rounds of {} s; {}",
        cores()?,
        cli.connections,
        cli.rounds,
        cli.seconds,
        load_average()?
    );
    for route in Route::ALL {
        let mut measured: Vec<Vec<Measured>> = servers.iter().map(|_| Vec::new()).collect();
        for _ in 0..cli.rounds {
            for (server, results) in servers.iter().zip(&mut measured) {
                results.push(measure(server, route, &cli).with_context(|| server.name)?);
            }
        }
        report(route, &servers, &measured);
        if !cli.seeing {
            compare_with_goals(&measured);
        }
    }
    println!("\nafterwards: {}", load_average()?);
    Ok(())
}

/// Loads a server, and adds the processor time that it used.
fn measure(server: &Server, route: Route, cli: &Cli) -> anyhow::Result<Measured> {
    load::run(server.address, move |n| route.path(n), cli.connections, Duration::from_secs(1))?;
    let before = server.cpu()?;
    let mut measured = load::run(server.address, move |n| route.path(n), cli.connections, Duration::from_secs(cli.seconds))?;
    measured.cpu = (server.cpu()? - before) / measured.requests;
    Ok(measured)
}

/// All servers must give the same answer, or they do different work.
fn same_answers(servers: &[Server], route: Route) -> anyhow::Result<()> {
    let ask = |address: SocketAddr, n: u64| load::once(address, &route.path(n));
    for n in 0..10 {
        let expected = ask(servers[0].address, n)?;
        for server in &servers[1..] {
            ensure!(ask(server.address, n)? == expected, "{} answers {} in another way", server.name, route.path(n));
        }
    }
    Ok(())
}

/// Medians of the rounds.
fn report(route: Route, servers: &[Server], measured: &[Vec<Measured>]) {
    let of = |server: usize, what: fn(&Measured) -> f64| median(measured[server].iter().map(what));
    println!(
        "\n| {} | req/s | p50 µs | p99 µs | CPU µs/req | req/s to the first | CPU to the first |\n|---|--:|--:|--:|--:|--:|--:|",
        route.title()
    );
    for (i, server) in servers.iter().enumerate() {
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.2} | {:.2} |",
            server.name,
            of(i, |m| m.per_second),
            of(i, |m| m.p50),
            of(i, |m| m.p99),
            of(i, |m| m.cpu * 1e6),
            ratio(&measured[i], &measured[0], |m| m.per_second),
            ratio(&measured[i], &measured[0], |m| m.cpu),
        );
    }
}

/// The median of the ratios within each round, which a machine that slows down does not change.
fn ratio(a: &[Measured], b: &[Measured], what: fn(&Measured) -> f64) -> f64 {
    median(a.iter().zip(b).map(|(a, b)| what(a) / what(b)))
}

/// Of bare, one process and split.
fn compare_with_goals(measured: &[Vec<Measured>]) {
    let verdict = |reached: f64, goal: f64| if reached >= goal { "met" } else { "missed" };
    let of = |a: usize, b: usize| ratio(&measured[a], &measured[b], |m| m.per_second);
    let (one, split) = (of(1, 0), of(2, 1));
    println!("\n- one process to bare: {one:.2}; goal {}: {}", GOALS.0, verdict(one, GOALS.0));
    println!("- split to one: {split:.2}; goal {}: {}", GOALS.1, verdict(split, GOALS.1));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn cores() -> anyhow::Result<usize> {
    Ok(std::thread::available_parallelism()?.get())
}

/// The load of the machine.
fn load_average() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("/proc/loadavg")?;
    Ok(format!("load average {}", text.split(' ').take(3).collect::<Vec<_>>().join(" ")))
}
