//! `faults rolling`: every instance is restarted, one after the other, and nobody notices.

use crate::{
    Cli, Stage,
    load::is_answer,
    report::{Report, Verdict, circumstances, seconds},
    shop::{DRAIN, SHUTDOWN},
};
use anyhow::ensure;
use std::time::{Duration, Instant};

/// The longest list of failed requests that is printed.
const SHOWN: usize = 40;
/// How much later than it should a process may be seen to have ended, on a machine with more to do.
const SEEN_LATE: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often all are restarted
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Buyers a second: each asks for some five things, and who does not buy for twelve a second in all
    #[arg(long, default_value_t = 17)]
    per_second: u32,
    /// The longest wait for everything to settle
    #[arg(long, default_value_t = 240)]
    seconds_after: u64,
}

pub(crate) async fn run(cli: &Cli, options: &Options) -> anyhow::Result<Verdict> {
    ensure!(cli.instances > 1, "while the only instance of something restarts, nobody can be served: --instances 2");
    // clients that repeat nothing: what fails is seen
    let mut stage = Stage::set(cli, 200, false).await?;
    let load = stage.clients.come(options.per_second);
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(stage.clients.record());
    let begun = Instant::now();

    println!("### {} rolling restarts of all processes\n", options.rounds);
    println!("| round | requests | failed | longest stop, s | longest way to ready, s |\n|---|--:|--:|--:|--:|");
    let (mut requests, mut failures, mut stops, mut not_well) = (0, Vec::new(), Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let (mut longest_stop, mut longest_start) = (Duration::ZERO, Duration::ZERO);
        for process in &mut stage.shop.processes {
            let at = Instant::now();
            let ended = process.end("TERM").await?;
            if !ended.status.success() {
                not_well.push(format!("round {round}, {}: {}", process.name(), ended.status));
            }
            longest_stop = longest_stop.max(ended.after);
            process.start()?;
            longest_start = longest_start.max(process.ready().await?);
            let after = at - begun..Instant::now() - begun;
            stops.push((ended.after, format!("{} from {} to {} s", process.name(), seconds(after.start), seconds(after.end))));
        }
        let record = stage.clients.record();
        let failed = record.samples.iter().filter(|sample| !is_answer(sample.status)).count();
        println!("| {round} | {} | {failed} | {} | {} |", record.samples.len(), seconds(longest_stop), seconds(longest_start));
        requests += record.samples.len();
        failures.extend(record.failures);
    }
    let took = begun.elapsed();
    load.end().await?;
    let record = stage.clients.record();
    requests += record.samples.len();
    failures.extend(record.failures);
    eprintln!("waiting until everything has settled");
    let settled = stage.stores.settle(&record.facts, &stage.sink, Duration::from_secs(options.seconds_after)).await?;

    println!("\n{}; {} requests a second.\n", circumstances(&stage.shop, cli), per_second(requests, took));
    let mut report = Report::default();
    report.line(failures.is_empty(), &format!("{} of {requests} requests failed", failures.len()));
    for failure in failures.iter().take(SHOWN) {
        println!("  - {} s, {}: {} {}", seconds(failure.at - begun), failure.op.name(), failure.status, failure.why);
    }
    if !failures.is_empty() {
        println!("\n  Restarted:");
        stops.iter().for_each(|(_, what)| println!("  - {what}"));
    }
    report.line(not_well.is_empty(), &format!("{} of {} processes did not end with 0", not_well.len(), stops.len()));
    not_well.iter().for_each(|what| println!("  - {what}"));
    stops.sort_unstable();
    let (median, longest) = (stops[stops.len() / 2].0, stops[stops.len() - 1].0);
    report.line(
        longest <= DRAIN + SHUTDOWN + SEEN_LATE,
        &format!(
            "stopping took {} s (median) to {} s; allowed: {} s of draining and {} s for what runs",
            seconds(median),
            seconds(longest),
            DRAIN.as_secs(),
            SHUTDOWN.as_secs()
        ),
    );
    let cut_off = stage.shop.log_lines(|line| line.contains("is cut off"));
    report.line(cut_off.is_empty(), &format!("{} processes cut off what they had begun", cut_off.len()));
    report.settled(&settled);
    report.errors(&stage.shop, &stage.servers);
    Ok(report.verdict())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_second(count: usize, time: Duration) -> String {
    format!("{:.0}", count as f64 / time.as_secs_f64())
}
