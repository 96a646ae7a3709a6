//! How many orders a second the shop processes on PostgreSQL, compared with pgbench, which issues the statements of an order.
//!
//! `cargo build --release --workspace && target/release/orders`. Both run in turn, on the same server; only the ratio counts.
#![expect(clippy::print_stdout, reason = "the output of the program")]

mod buyers;
mod client;
mod connections;
mod cpu;
mod pgbench;
mod recorder;
#[path = "../../seeing.rs"]
mod seeing;
mod shop;

use anyhow::{Context, ensure};
use buyers::{Buyer, Orders};
use clap::{Parser, Subcommand};
use cpu::Usage;
use recorder::{Passed, Recorder};
use shop::{On, Shop, Stores};
use sqlx::{Connection, PgConnection};
use std::{fs, time::Duration};

// as in souk
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The goal: orders per second of one process, as a part of pgbench's.
const GOAL: f64 = 0.6;

/// How long the shop is filled with orders before anything is measured.
const FILL: Duration = Duration::from_secs(15);

const LINES: [On; 3] = [
    On { title: "PostgreSQL, carts on Redis", redis: true, rabbitmq: false, mongodb: false },
    On { title: "PostgreSQL, carts on it, too", redis: false, rabbitmq: false, mongodb: false },
    On { title: "PostgreSQL, Redis, RabbitMQ and MongoDB", redis: true, rabbitmq: true, mongodb: true },
];

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Rounds; each loads the shop and pgbench once, with and without paying
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Buyers, each with one request at a time; and clients of pgbench
    #[arg(long, default_value_t = 32)]
    buyers: usize,
    /// Connections of each module of the shop to PostgreSQL
    #[arg(long, default_value_t = 8)]
    pool: u32,
    /// Only the lines of these numbers: 1 carts on Redis, 2 carts on PostgreSQL, 3 all four servers
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 3])]
    lines: Vec<usize>,
    /// Print the statements of an order that is paid, and measure nothing
    #[arg(long)]
    statements: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Load the shop with 1,000 clients, and count its connections to the servers
    Connections(connections::Options),
    /// Load the shop with traces and logs on and off
    Seeing,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    ensure!(cli.rounds > 0 && cli.seconds >= 5 && cli.buyers > 0, "rounds and buyers must be at least 1, seconds 5");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&cli))
}

async fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Some(Command::Connections(options)) => return connections::run(options).await,
        Some(Command::Seeing) => {
            let stores = Stores::create(LINES[0]).await?;
            let outcome = measure_seeing(cli, &stores).await;
            stores.remove().await?;
            return outcome;
        }
        None => {}
    }
    for number in &cli.lines {
        let on = *number.checked_sub(1).and_then(|index| LINES.get(index)).context("--lines: 1, 2 or 3")?;
        let stores = Stores::create(on).await?;
        let outcome = measure_line(cli, &stores).await;
        stores.remove().await?;
        outcome.context(on.title)?;
    }
    Ok(())
}

async fn measure_line(cli: &Cli, stores: &Stores) -> anyhow::Result<()> {
    println!("\n## {}\n", stores.on.title);
    stores.seed().await?;
    let tokens = stores.one_process(None, &[])?.register(cli.buyers).await?;
    if cli.statements {
        let (_, passed) = record(stores, &tokens, true).await?;
        println!("{}", passed.statements.join(";\n"));
        return Ok(());
    }
    for pay in [false, true] {
        check_statements(stores, &tokens, pay).await?;
    }
    fill(stores, cli.buyers).await?;
    let copy = format!("CREATE DATABASE {} TEMPLATE {}", stores.copy(), stores.name);
    stores.sql("postgres", &[copy]).await?;
    for database in [stores.name.clone(), stores.copy()] {
        stores.sql(&database, &["VACUUM ANALYZE".into()]).await?;
    }
    let pool = cli.pool.to_string();
    let pools = ["PRODUCT", "USER", "CART", "ORDER", "PAYMENT"].map(|module| format!("SOUK_{module}__POOL__CONNECTIONS"));
    let settings: Vec<_> = pools.iter().map(|name| (name.as_str(), pool.as_str())).collect();
    let shop = stores.one_process(None, &settings)?;
    println!(
        "{} cores; {} buyers, {} rounds of {} s, pools of {pool}; {}; {}\n",
        std::thread::available_parallelism()?,
        cli.buyers,
        cli.rounds,
        cli.seconds,
        durability(stores).await?,
        load_average()?
    );
    for pay in [false, true] {
        let mut measured = Vec::new();
        for round in 0..cli.rounds {
            measured.push(measure_round(cli, stores, &shop, &tokens, pay, 2 * round + u64::from(pay)).await?);
        }
        report(pay, &measured);
    }
    println!("\nafterwards: {}", load_average()?);
    Ok(())
}

/// Loads the shop, in turns, once for each way to see what it does; all are compared with the first.
async fn measure_seeing(cli: &Cli, stores: &Stores) -> anyhow::Result<()> {
    stores.seed().await?;
    let tokens = stores.one_process(None, &[])?.register(cli.buyers).await?;
    fill(stores, cli.buyers).await?;
    stores.sql(&stores.name, &["VACUUM ANALYZE".into()]).await?;
    let (time, server) = (Duration::from_secs(cli.seconds), stores.url("postgres"));
    let ways = seeing::ways(seeing::collector()?);
    let mut measured: Vec<Vec<(Orders, Usage)>> = ways.iter().map(|_| Vec::new()).collect();
    println!("{}", load_average()?);
    let mut run = 0;
    for _ in 0..cli.rounds {
        for ((_, settings), results) in ways.iter().zip(&mut measured) {
            run += 1;
            let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let shop = stores.one_process(None, &settings)?;
            let (buyers, pids) = (Buyer::all(shop.address(), &tokens, run), shop.pids());
            let watched = cpu::watch(&pids, &stores.name, &server, time);
            results.push(tokio::try_join!(buyers::buy(buyers, true, time), watched)?);
            settle(stores).await?;
        }
    }
    println!(
        "\n| placed and paid | orders/s | CPU µs per order | orders/s to the first | per CPU to the first |\n|---|--:|--:|--:|--:|"
    );
    let per_second = |(orders, _): &(Orders, Usage)| orders.per_second;
    let cpu = |(orders, usage): &(Orders, Usage)| 1e6 * (usage.program + usage.postgres) / orders.per_second;
    for ((name, _), results) in ways.iter().zip(&measured) {
        let pairs = || results.iter().zip(&measured[0]);
        println!(
            "| {name} | {:.0} | {:.0} | {:.2} | {:.2} |",
            median(results.iter().map(per_second)),
            median(results.iter().map(cpu)),
            median(pairs().map(|(one, first)| per_second(one) / per_second(first))),
            median(pairs().map(|(one, first)| cpu(first) / cpu(one))),
        );
    }
    println!("\nafterwards: {}", load_average()?);
    Ok(())
}

/// Fills the shop with orders, because plans that are made while tables are empty read whole tables later.
async fn fill(stores: &Stores, clients: usize) -> anyhow::Result<()> {
    pgbench::finish(pgbench::start(stores, &stores.name, clients, true, FILL)?)?;
    // these need no delivery and no other work
    stores.sql(&stores.name, &["TRUNCATE orders.outbox, orders.order_effects".into()]).await
}

/// The shop, then pgbench.
type Round = [(Orders, Usage); 2];

async fn measure_round(
    cli: &Cli,
    stores: &Stores,
    shop: &Shop,
    tokens: &[String],
    pay: bool,
    round: u64,
) -> anyhow::Result<Round> {
    let time = Duration::from_secs(cli.seconds);
    let buyers = Buyer::all(shop.address(), tokens, 1 + round);
    let (pids, server) = (shop.pids(), stores.url("postgres"));
    let (orders, usage) = tokio::try_join!(buyers::buy(buyers, pay, time), cpu::watch(&pids, &stores.name, &server, time))?;
    // undelivered events are the shop's work, not pgbench's
    settle(stores).await?;
    let child = pgbench::start(stores, &stores.copy(), cli.buyers, pay, time)?;
    let watched = cpu::watch(&[child.id()], &stores.copy(), &server, time).await;
    let limit = tokio::task::spawn_blocking(move || pgbench::finish(child)).await??;
    Ok([(orders, usage), (limit, watched?)])
}

/// Waits until the outbox is empty.
async fn settle(stores: &Stores) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&stores.url(&stores.name)).await?;
    for _ in 0..600 {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM orders.outbox").fetch_one(&mut connection).await?;
        if left == 0 {
            return Ok(connection.close().await?);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("events are not delivered within a minute")
}

/// Records the statements between the shop and PostgreSQL, first without a purchase, then with one.
async fn record(stores: &Stores, tokens: &[String], pay: bool) -> anyhow::Result<(Passed, Passed)> {
    let recorder = Recorder::start(stores.postgres()?)?;
    // one connection for each module, so that all statements are prepared soon
    let pools = ["PRODUCT", "USER", "CART", "ORDER", "PAYMENT"].map(|module| format!("SOUK_{module}__POOL__CONNECTIONS"));
    let settings: Vec<_> = pools.iter().map(|name| (name.as_str(), "1")).collect();
    let shop = stores.one_process(Some(recorder.address), &settings)?;
    let mut buyers = Buyer::all(shop.address(), tokens, u64::from(pay) + 1_000);
    for _ in 0..2 {
        buyers[0].buy(pay).await?;
    }
    settle(stores).await?;
    recorder.take();
    // every job runs at least once
    tokio::time::sleep(Duration::from_secs(6)).await;
    let idle = recorder.take();
    buyers[0].buy(pay).await?;
    settle(stores).await?;
    // connections are returned after the answer
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok((idle, recorder.take()))
}

async fn check_statements(stores: &Stores, tokens: &[String], pay: bool) -> anyhow::Result<()> {
    let (idle, passed) = record(stores, tokens, pay).await?;
    let what = if pay { "placed and paid" } else { "placed" };
    println!(
        "- An order, {what}, as PostgreSQL sees it, the delivery of its events included: {} statements with BEGIN and COMMIT, {} of \
         them prepared anew, {} round trips, of which {} are pings of connections that go back to their pool.",
        passed.statements.len(),
        passed.prepared,
        passed.round_trips,
        passed.pings
    );
    let (missing, new) = pgbench::differences(&passed, &idle, pay, !stores.on.redis);
    for (what, statements) in [("only in order.pgbench", missing), ("only from the shop", new)] {
        for statement in statements {
            println!("- **WARNING**: the statements have changed; {what}: {statement}");
        }
    }
    Ok(())
}

/// Medians of the rounds, with the ratios within each round.
fn report(pay: bool, measured: &[Round]) {
    let what = if pay { "placed and paid" } else { "placed" };
    println!("\n| {what} | orders/s | ms | CPU µs per order | of it PostgreSQL | cores |\n|---|--:|--:|--:|--:|--:|");
    for (index, name) in ["souk, one process", "pgbench"].into_iter().enumerate() {
        let of = |value: fn(&Orders, &Usage) -> f64| median(measured.iter().map(|round| value(&round[index].0, &round[index].1)));
        println!(
            "| {name} | {:.0} | {:.1} | {:.0} | {:.0} | {:.2} |",
            of(|orders, _| orders.per_second),
            of(|orders, _| orders.p50),
            of(|orders, usage| 1e6 * (usage.program + usage.postgres) / orders.per_second),
            of(|orders, usage| 1e6 * usage.postgres / orders.per_second),
            of(|_, usage| usage.program + usage.postgres),
        );
    }
    let ratios = |value: fn(&Orders, &Usage) -> f64| {
        let mut ratios: Vec<f64> =
            measured.iter().map(|[shop, limit]| value(&shop.0, &shop.1) / value(&limit.0, &limit.1)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    };
    let range = |ratios: &[f64]| format!("{:.2} ({:.2} to {:.2})", ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1]);
    let orders = ratios(|orders, _| orders.per_second);
    let per_cpu = ratios(|orders, usage| orders.per_second / (usage.program + usage.postgres));
    let verdict = if middle(&orders) >= GOAL { "met" } else { "missed" };
    println!("\n- orders per second, to pgbench: {}; goal {GOAL}: {verdict}", range(&orders));
    println!("- orders per second of processor time, to pgbench: {}", range(&per_cpu));
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    middle(&values)
}

/// The median; of an even number of values, the lower one.
fn middle(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() - 1) / 2]
}

/// The settings that decide the cost of a commit.
async fn durability(stores: &Stores) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(&stores.url("postgres")).await?;
    let text = "SELECT format('PostgreSQL %s, fsync %s, synchronous_commit %s', current_setting('server_version'), \
                current_setting('fsync'), current_setting('synchronous_commit'))";
    let found = sqlx::query_scalar(text).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

/// The load of the machine.
fn load_average() -> anyhow::Result<String> {
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(format!("load average {}", load.split(' ').take(3).collect::<Vec<_>>().join(" ")))
}
