//! `faults rolling`: every instance is restarted, one after the other, also with another build, and no request fails.

use crate::{
    Cli, Stage,
    load::{Failure, Record},
    report::{Report, Verdict, circumstances, seconds},
    shop::{DRAIN, SHUTDOWN},
};
use anyhow::ensure;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// The longest list of failed requests that is printed.
const SHOWN: usize = 40;
/// Tolerance for the end of a process, on a busy machine.
const SEEN_LATE: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often all are restarted
    #[arg(long, default_value_t = 20, value_parser = rounds)]
    rounds: usize,
    /// Buyers a second: each sends some five requests; visitors send twelve a second in all
    #[arg(long, default_value_t = 17)]
    per_second: u32,
    /// The longest wait until all work is done
    #[arg(long, default_value_t = 240)]
    seconds_after: u64,
    /// Another build: processes change to it in the first round, back in the second, and so on
    #[arg(long, value_name = "SOUK")]
    other: Option<PathBuf>,
}

pub(crate) async fn run(cli: &Cli, options: &Options) -> anyhow::Result<Verdict> {
    ensure!(cli.instances > 1, "a single instance cannot serve while it restarts: --instances 2");
    // clients repeat nothing, so that every failure is seen
    let mut stage = Stage::set(cli, 200, false).await?;
    let load = stage.clients.come(options.per_second);
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(stage.clients.record());
    let begun = Instant::now();

    println!("### {} rolling restarts of all processes\n", options.rounds);
    println!("| round | requests | failed | longest stop, s | longest way to ready, s |\n|---|--:|--:|--:|--:|");
    let mut seen = Seen::default();
    let mut other = options.other.clone();
    for round in 1..=options.rounds {
        if let Some(program) = &mut other {
            *program = stage.shop.install(program)?;
        }
        let (requests, failures) = (seen.requests, seen.failures.len());
        let (mut longest_stop, mut longest_start) = (Duration::ZERO, Duration::ZERO);
        for process in &mut stage.shop.processes {
            let ended = process.end("TERM").await?;
            if !ended.status.success() {
                seen.not_well.push(format!("round {round}, {}: {}", process.name(), ended.status));
            }
            seen.stops.push(ended.after);
            longest_stop = longest_stop.max(ended.after);
            process.start()?;
            longest_start = longest_start.max(process.ready().await?);
            seen.add(stage.clients.record(), begun, &format!("while {} restarted", process.name()));
        }
        let (requests, failures) = (seen.requests - requests, seen.failures.len() - failures);
        println!("| {round} | {requests} | {failures} | {} | {} |", seconds(longest_stop), seconds(longest_start));
    }
    let took = begun.elapsed();
    load.end().await?;
    let record = stage.clients.record();
    let facts = record.facts.clone();
    seen.add(record, begun, "at the end");
    eprintln!("waiting until all work is done");
    let settled = stage.stores.settle(&facts, &stage.sink, Duration::from_secs(options.seconds_after)).await?;

    println!("\n{}; {} requests a second.\n", circumstances(&stage.shop, cli), per_second(seen.requests, took));
    let mut report = Report::default();
    seen.judge(&mut report);
    let cut_off = stage.shop.log_lines(|line| line.contains("is cut off"));
    report.line(cut_off.is_empty(), &format!("{} processes cut off what they had begun", cut_off.len()));
    report.settled(&settled);
    report.errors(&stage.shop, &stage.servers);
    Ok(report.verdict())
}

/// Failures and stops so far.
#[derive(Default)]
struct Seen {
    requests: usize,
    failures: Vec<String>,
    /// How long each stop took.
    stops: Vec<Duration>,
    /// Stops that did not end as they should.
    not_well: Vec<String>,
}

impl Seen {
    fn add(&mut self, record: Record, begun: Instant, when: &str) {
        self.requests += record.samples.len();
        for Failure { op, at, took, status, why } in record.failures {
            let (at, took) = (seconds(at - begun), took.as_millis());
            let failure = format!("{when}, {at} s, {}, after {took} ms: {status} {why}", op.name());
            // printed at once, because a run takes long
            eprintln!("{failure}");
            self.failures.push(failure);
        }
    }

    fn judge(&mut self, report: &mut Report) {
        report.line(self.failures.is_empty(), &format!("{} of {} requests failed", self.failures.len(), self.requests));
        self.failures.iter().take(SHOWN).for_each(|what| println!("  - {what}"));
        let (not_well, stops) = (self.not_well.len(), self.stops.len());
        report.line(not_well == 0, &format!("{not_well} of {stops} processes did not end with 0"));
        self.not_well.iter().take(SHOWN).for_each(|what| println!("  - {what}"));
        self.stops.sort_unstable();
        let (median, longest) = (self.stops[stops / 2], self.stops[stops - 1]);
        let (drain, shutdown) = (DRAIN.as_secs(), SHUTDOWN.as_secs());
        report.line(
            longest <= DRAIN + SHUTDOWN + SEEN_LATE,
            &format!(
                "stopping took {} s (median) to {} s; allowed: {drain} s of draining and {shutdown} s for what runs",
                seconds(median),
                seconds(longest),
            ),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_second(count: usize, time: Duration) -> String {
    format!("{:.0}", count as f64 / time.as_secs_f64())
}

fn rounds(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rounds| *rounds > 0).ok_or_else(|| "must be at least 1".into())
}
