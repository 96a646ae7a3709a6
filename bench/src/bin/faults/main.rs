//! How the shop behaves when something fails: processes are killed, and servers go away under load.
//!
//! ```sh
//! cargo build --release --workspace
//! target/release/faults kill --kills 100     # kill -9 at random points; every event's effect exactly once
//! target/release/faults outages              # each server down in turn; answers, latencies, recovery
//! target/release/faults rolling --instances 2   # everything restarted in turn; no request fails
//! target/release/faults poison               # an event that cannot be handled, until it can
//! ```
//!
//! Everything runs on servers of its own, in a folder that is removed at the end. The output is Markdown; the exit code is 1
//! after a FAIL.
#![expect(clippy::print_stdout, reason = "the output of the program")]

mod balancer;
mod check;
mod kill;
mod load;
mod outages;
mod poison;
mod process;
mod report;
mod restarts;
mod rolling;
mod servers;
mod shop;
mod smtp;

use check::Stores;
use clap::{Parser, Subcommand};
use load::Clients;
use report::Verdict;
use servers::Servers;
use shop::Shop;
use smtp::Sink;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

// as in souk
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The shop in seven processes instead of one
    #[arg(long, global = true)]
    split: bool,
    /// Number of instances of each process, with the gateways behind a balancer
    #[arg(long, global = true, default_value_t = 1, value_parser = instances)]
    instances: usize,
    /// Keep the folder with the data and the logs of all servers
    #[arg(long, global = true)]
    keep: bool,
}

/// More instances would need too many connections to PostgreSQL.
fn instances(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| (1..=4).contains(count)).ok_or_else(|| "must be 1 to 4".into())
}

#[derive(Subcommand)]
enum Command {
    /// Kill processes of the shop at random points under load
    Kill(kill::Options),
    /// Stop one server after the other under load
    Outages(outages::Options),
    /// Restart all processes in turn under load, again and again
    Rolling(rolling::Options),
    /// Publish an event that cannot be handled, repair the cause, and replay the event
    Poison(poison::Options),
}

/// A shop with its servers. Fields end in their order.
struct Stage {
    shop: Shop,
    stores: Stores,
    clients: Clients,
    sink: Sink,
    servers: Servers,
}

impl Stage {
    /// Starts everything. Patient clients repeat calls without an answer.
    async fn set(cli: &Cli, accounts: usize, is_patient: bool) -> anyhow::Result<Self> {
        eprintln!("starting PostgreSQL, Redis, RabbitMQ and MongoDB");
        let servers = Servers::start(cli.keep).await?;
        if cli.keep {
            eprintln!("keeping {}", servers.folder().display());
        }
        let sink = Sink::start(servers.smtp_port).await?;
        check::make_databases(&servers).await?;
        let stores = Stores::open(&servers).await?;
        let shop = Shop::start(&servers, cli.split, cli.instances).await?;
        eprintln!("opening {accounts} accounts");
        let clients = Clients::open(&shop.base, shop::ADMIN, accounts, is_patient).await?;
        Ok(Self { shop, stores, clients, sink, servers })
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let run = async {
            match &cli.command {
                Command::Kill(options) => kill::run(&cli, options).await,
                Command::Outages(options) => outages::run(&cli, options).await,
                Command::Rolling(options) => rolling::run(&cli, options).await,
                Command::Poison(options) => poison::run(&cli, options).await,
            }
        };
        // dropping the future ends all servers and processes
        let verdict = tokio::select! {
            verdict = run => verdict?,
            _ = interrupt.recv() => return Ok(ExitCode::from(130)),
            _ = terminate.recv() => return Ok(ExitCode::from(143)),
        };
        Ok(match verdict {
            Verdict::Pass => ExitCode::SUCCESS,
            Verdict::Fail => ExitCode::FAILURE,
        })
    })
}
