//! The cost of one call: to the implementation itself, through a local client, through the codec, and over HTTP.
//!
//! `cargo run --release -p bench --bin call`. One thread calls, one call at a time, as a worker of the HTTP server does.
#![expect(clippy::print_stdout, reason = "the output of the program")]

use kernel::{Ctx, Fault, Transport, telemetry, testing};
use serde::{Deserialize, Serialize};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

// as in souk
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 9;
/// The goal: nanoseconds that a local client may add to its implementation.
const GOAL: f64 = 1000.0;

/// The level of a thing.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema, garde::Validate, kernel::Request)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The thing.
    pub id: i64,
    /// How many pieces.
    pub pieces: u32,
}

/// Levels of things: operations with as little work as possible.
#[kernel::api(module = "level")]
pub trait LevelApi {
    /// Get the level of a thing: a read, which runs inline.
    #[get("/levels/{id}", access = anyone)]
    async fn get(&self, cx: &Ctx, id: i64) -> Result<Level, Fault>;

    /// Set the level of a thing: a write, which runs on a task of its own.
    #[put("/levels/{id}", access = anyone)]
    async fn set(&self, cx: &Ctx, id: i64, level: Level) -> Result<Level, Fault>;
}

struct Levels;

impl LevelApi for Levels {
    async fn get(&self, _: &Ctx, id: i64) -> Result<Level, Fault> {
        Ok(Level { id, pieces: 7 })
    }

    async fn set(&self, _: &Ctx, id: i64, level: Level) -> Result<Level, Fault> {
        Ok(Level { id, ..level })
    }
}

fn main() -> anyhow::Result<()> {
    telemetry::start_logging("warn", telemetry::LogFormat::Text, &telemetry::Traces::default(), None)
        .map_err(anyhow::Error::msg)?;
    // before clients are made, because they take their meters from the recorder
    let metrics = telemetry::start_metrics().map_err(anyhow::Error::msg)?;
    // a worker of actix-web has a runtime like this one
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

    let server = testing::Server::start(Arc::new(LevelClient::local(Levels)));
    let local = LevelClient::local(Levels).called_by("gateway");
    let loopback = LevelClient::remote(Transport::loopback(Arc::new(LevelClient::local(Levels)))).called_by("gateway");
    let http = LevelClient::remote(server.transport()).called_by("gateway");

    let mut reads: [Vec<f64>; 4] = Default::default();
    let mut writes: [Vec<f64>; 4] = Default::default();
    for round in 0..=ROUNDS {
        let read = [
            runtime.block_on(time_reads(&Levels, 20_000_000)),
            runtime.block_on(time_reads(&local, 500_000)),
            // through the loopback every repeatable call is made twice
            runtime.block_on(time_reads(&loopback, 100_000)) / 2.0,
            runtime.block_on(time_reads(&http, 3_000)),
        ];
        let write = [
            runtime.block_on(time_writes(&Levels, 20_000_000)),
            runtime.block_on(time_writes(&local, 500_000)),
            runtime.block_on(time_writes(&loopback, 100_000)) / 2.0,
            runtime.block_on(time_writes(&http, 3_000)),
        ];
        // souk does so every 5 seconds
        metrics.run_upkeep();
        // the first round warms up
        if round > 0 {
            reads.iter_mut().zip(read).for_each(|(all, one)| all.push(one));
            writes.iter_mut().zip(write).for_each(|(all, one)| all.push(one));
        }
    }

    println!("ns per call: median of {ROUNDS} rounds (lowest to highest)\n");
    print_table("GET (inline)", &mut reads);
    print_table("PUT (on a task of its own)", &mut writes);
    let above = median(&mut reads[1]) - median(&mut reads[0]);
    let verdict = if above < GOAL { "met" } else { "missed" };
    println!("a local GET costs {above:.0} ns more than a direct one; goal: less than {GOAL:.0} ns: {verdict}");
    Ok(())
}

/// Nanoseconds per read.
async fn time_reads(levels: &impl LevelApi, calls: i64) -> f64 {
    let cx = Ctx::anonymous(Duration::from_secs(3600));
    let started = Instant::now();
    for id in 0..calls {
        let answer = levels.get(black_box(&cx), black_box(id)).await;
        assert!(black_box(answer).is_ok_and(|level| level.id == id), "call {id} failed");
    }
    per_call(started, calls)
}

/// Nanoseconds per write.
async fn time_writes(levels: &impl LevelApi, calls: i64) -> f64 {
    let cx = Ctx::anonymous(Duration::from_secs(3600));
    let started = Instant::now();
    for id in 0..calls {
        let answer = levels.set(black_box(&cx), black_box(id), Level { id: 0, pieces: 7 }).await;
        assert!(black_box(answer).is_ok_and(|level| level.id == id), "call {id} failed");
    }
    per_call(started, calls)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_call(started: Instant, calls: i64) -> f64 {
    started.elapsed().as_nanos() as f64 / calls as f64
}

fn print_table(title: &str, rounds: &mut [Vec<f64>; 4]) {
    let names = ["direct", "local client", "loopback (codec)", "HTTP, same machine"];
    let direct = median(&mut rounds[0]);
    println!("| {title} | ns | spread | above direct |\n|---|--:|--:|--:|");
    for (name, rounds) in names.into_iter().zip(rounds) {
        let middle = median(rounds);
        let (lowest, highest) = (rounds[0], rounds[rounds.len() - 1]);
        println!("| {name} | {middle:.1} | {lowest:.1} to {highest:.1} | {:.1} |", middle - direct);
    }
    println!();
}

/// The median; sorts the values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
