//! `faults kill`: processes end at random points.

use crate::{
    Cli, Stage,
    report::{Report, Verdict, circumstances, seconds},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::{Duration, Instant};

/// The longest time from start to kill. Handling an event takes milliseconds, so any work can be under way.
const LONGEST_LIFE_MS: u64 = 1_500;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often
    #[arg(long, default_value_t = 100)]
    kills: usize,
    /// Seed of the random times; an earlier seed repeats the times, but not all of the run
    #[arg(long)]
    seed: Option<u64>,
    /// Buyers a second
    #[arg(long, default_value_t = 20)]
    per_second: u32,
    /// The longest wait until all work is done: a request that died holds its order for 90 s
    #[arg(long, default_value_t = 240)]
    seconds_after: u64,
    /// Fewer buyers, for a quick run
    #[arg(long)]
    small: bool,
}

pub(crate) async fn run(cli: &Cli, options: &Options) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let mut random = StdRng::seed_from_u64(seed);
    let (accounts, per_second) = if options.small { (20, options.per_second.min(10)) } else { (200, options.per_second) };
    let mut stage = Stage::set(cli, accounts, true).await?;
    let load = stage.clients.come(per_second);
    let victims: Vec<String> = stage.shop.victims().iter().map(|process| process.name().to_owned()).collect();
    eprintln!("killing {victims:?} {} times, seed {seed}", options.kills);
    let (started, mut back) = (Instant::now(), Vec::new());
    for kill in 0..options.kills {
        let life = Duration::from_millis(random.random_range(0..=LONGEST_LIFE_MS));
        tokio::time::sleep(life).await;
        let victim = random.random_range(0..victims.len());
        back.push(stage.shop.victims()[victim].kill().await?);
        if (kill + 1) % 10 == 0 {
            eprintln!("{} kills", kill + 1);
        }
    }
    let took = started.elapsed();
    // buyers continue after the last kill, while the shop recovers
    tokio::time::sleep(Duration::from_secs(5)).await;
    load.end().await?;
    let record = stage.clients.record();
    eprintln!("waiting until all work is done");
    let settled = stage.stores.settle(&record.facts, &stage.sink, Duration::from_secs(options.seconds_after)).await?;

    back.sort_unstable();
    println!("### {} kills\n", options.kills);
    println!("{}; {per_second} buyers a second; seed {seed}.\n", circumstances(&stage.shop, cli));
    println!("| | |\n|---|--:|");
    println!("| killed by lot | {} |", victims.join(", "));
    println!("| seconds | {} |", seconds(took));
    println!("| back after, median and longest, s | {}, {} |", seconds(back[back.len() / 2]), seconds(back[back.len() - 1]));
    println!("| calls, repeated ones included | {} |", record.samples.len());
    println!("| calls without an answer | {} |", record.samples.iter().filter(|sample| sample.status == 0).count());
    let mut report = Report::default();
    report.settled(&settled);
    report.errors(&stage.shop, &stage.servers);
    let bugs = record.samples.iter().filter(|sample| sample.status == 500).count();
    report.line(bugs == 0, &format!("{bugs} answers 500"));
    Ok(report.verdict())
}
