//! Tables and verdicts, in Markdown.

use crate::{
    Cli,
    check::{Findings, Settled},
    load::{Op, Sample, is_answer},
    servers::Servers,
    shop::Shop,
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// The longest list of violations or errors that is printed.
const SHOWN: usize = 20;

/// Whether all checks passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
}

/// Collects verdicts, and prints each.
#[derive(Default)]
pub(crate) struct Report {
    failed: usize,
}

impl Report {
    /// Prints whether a guarantee holds.
    pub(crate) fn line(&mut self, is_well: bool, what: &str) {
        self.failed += usize::from(!is_well);
        println!("- {}: {what}", if is_well { "PASS" } else { "**FAIL**" });
    }

    /// Prints the result of a check.
    pub(crate) fn settled(&mut self, settled: &Settled) {
        let Findings { violations, counts } = &settled.findings;
        println!("\n| after it had settled | |\n|---|--:|");
        counts.iter().for_each(|(what, count)| println!("| {what} | {count} |"));
        println!();
        let (after, count) = (seconds(settled.after), violations.len());
        let what = "every acknowledged fact is true, and every event has had its effect exactly once";
        self.line(violations.is_empty(), &format!("settled {after} s after the last buyer; {what}: {count} violations"));
        violations.iter().take(SHOWN).for_each(|violation| println!("  - {violation}"));
    }

    /// Prints lines of level error in the logs of the shop: an outage must not cause any.
    pub(crate) fn errors(&mut self, shop: &Shop, servers: &Servers) {
        let deadlocks = servers.deadlocks();
        self.line(deadlocks == 0, &format!("PostgreSQL's log has {deadlocks} deadlocks"));
        let errors = shop.errors();
        self.line(errors.is_empty(), &format!("the logs of the shop have {} lines of level error", errors.len()));
        errors.iter().take(SHOWN).for_each(|line| println!("  - `{line}`"));
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.failed == 0 { Verdict::Pass } else { Verdict::Fail }
    }
}

/// The machine and the build, for a table of figures.
pub(crate) fn circumstances(shop: &Shop, cli: &Cli) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let layout = match (cli.split, cli.instances) {
        (true, 1) => "seven processes".to_owned(),
        (false, 1) => "one process".to_owned(),
        (true, instances) => format!("{instances} of each of seven processes"),
        (false, instances) => format!("{instances} shops in one process each"),
    };
    format!(
        "{layout}, {} build, {cores} cores for the shop, all servers and the clients; load average at the end {load}",
        shop.build()
    )
}

/// A phase of a run.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl Phase {
    pub(crate) fn has(&self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }
}

/// The requests and answers of a phase.
pub(crate) struct Answers {
    pub(crate) good: usize,
    pub(crate) unavailable: usize,
    /// All others, including those without an answer.
    pub(crate) other: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) slowest: Duration,
}

impl Answers {
    pub(crate) fn of(samples: &[Sample], phase: &Phase, op: Op) -> Self {
        let samples: Vec<&Sample> = samples.iter().filter(|sample| sample.op == op && phase.has(sample.at)).collect();
        let mut times: Vec<Duration> = samples.iter().map(|sample| sample.took).collect();
        times.sort_unstable();
        let part = |hundredths: usize| times.get(times.len() * hundredths / 100).or(times.last()).copied().unwrap_or_default();
        let count = |wanted: fn(u16) -> bool| samples.iter().filter(|sample| wanted(sample.status)).count();
        let (good, unavailable) = (count(is_answer), count(|status| status == 503));
        Self { good, unavailable, other: times.len() - good - unavailable, p50: part(50), p99: part(99), slowest: part(100) }
    }

    pub(crate) fn all(&self) -> usize {
        self.good + self.unavailable + self.other
    }
}

/// A table of all answers in all phases.
pub(crate) fn print_answers(samples: &[Sample], phases: &[Phase]) {
    println!(
        "\n| phase | operation | answered | 503 | other | p50 ms | p99 ms | slowest ms |\n|---|---|--:|--:|--:|--:|--:|--:|"
    );
    for phase in phases {
        for op in Op::ALL {
            let answers = Answers::of(samples, phase, op);
            if answers.all() > 0 {
                let Answers { good, unavailable, other, .. } = answers;
                let [p50, p99, slowest] = [answers.p50, answers.p99, answers.slowest].map(|time| time.as_millis());
                println!("| {} | {} | {good} | {unavailable} | {other} | {p50} | {p99} | {slowest} |", phase.name, op.name());
            }
        }
    }
}

/// Seconds, with one decimal.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}
