//! `faults outages`: servers go away under load, and come back.

use crate::{
    Cli, Stage, check,
    load::{Op, Sample},
    report::{Answers, Phase, Report, Verdict, circumstances, print_answers, seconds},
    restarts,
};
use clap::ValueEnum;
use std::time::{Duration, Instant};

/// The longest time for an answer that a server is away.
const QUICKLY: Duration = Duration::from_millis(1_000);
/// The longest time until the shop notices that a server is away.
const NOTICED: Duration = Duration::from_millis(500);
/// The longest time for any answer, including requests that were under way when the server went away.
const EVER: Duration = Duration::from_millis(4_000);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Buyers a second, however long the earlier ones take
    #[arg(long, default_value_t = 50)]
    per_second: u32,
    /// Seconds that the broker, MongoDB and the mail server are away
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Only these outages
    #[arg(long, value_enum)]
    only: Vec<Outage>,
    /// Only with processes that keep running, or that are restarted meanwhile
    #[arg(long, value_enum)]
    processes: Option<Processes>,
    /// The longest wait until all work is done after each outage
    #[arg(long, default_value_t = 240)]
    seconds_after: u64,
}

impl Options {
    pub(crate) fn per_second(&self) -> u32 {
        self.per_second
    }

    pub(crate) fn seconds_after(&self) -> Duration {
        Duration::from_secs(self.seconds_after)
    }
}

/// What happens to the processes of the shop during an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Processes {
    RunOn,
    Restart,
}

/// A server, and how it goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outage {
    /// RabbitMQ is stopped
    Broker,
    /// Redis is killed, and started again 5 s later
    Redis,
    /// PostgreSQL is stopped immediately, as in a crash, and started again 5 s later
    Postgres,
    /// MongoDB is stopped
    Mongo,
    /// The mail server is stopped
    Smtp,
    /// The mail server accepts connections and says nothing
    SmtpHangs,
    /// The mail server accepts mail and does not answer
    SmtpMute,
}

impl Outage {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Outage::Broker => "RabbitMQ stopped",
            Outage::Redis => "Redis killed and restarted",
            Outage::Postgres => "PostgreSQL stopped (immediate) and restarted",
            Outage::Mongo => "MongoDB stopped",
            Outage::Smtp => "Mail server stopped",
            Outage::SmtpHangs => "Mail server says nothing",
            Outage::SmtpMute => "Mail server accepts mail and does not answer",
        }
    }

    /// The requests that must work during the outage.
    pub(crate) fn must_answer(self) -> &'static [Op] {
        match self {
            Outage::Redis => &[Op::Browse, Op::Login, Op::Register, Op::History],
            Outage::Postgres => &[],
            Outage::Broker | Outage::Mongo | Outage::Smtp | Outage::SmtpHangs | Outage::SmtpMute => &Op::ALL,
        }
    }

    fn lasts(self, seconds: u64) -> Duration {
        let is_restart = matches!(self, Outage::Redis | Outage::Postgres);
        Duration::from_secs(if is_restart { 5 } else { seconds })
    }

    /// Whether processes connect to the server at their start.
    fn meets_starts(self) -> bool {
        matches!(self, Outage::Broker | Outage::Redis | Outage::Postgres | Outage::Mongo)
    }

    pub(crate) async fn begin(self, stage: &mut Stage) -> anyhow::Result<()> {
        let servers = &mut stage.servers;
        match self {
            Outage::Broker => drop(servers.broker.end("TERM").await?),
            Outage::Redis => drop(servers.redis.end("KILL").await?),
            // "immediate"
            Outage::Postgres => drop(servers.postgres.end("QUIT").await?),
            Outage::Mongo => drop(servers.mongo.end("TERM").await?),
            Outage::Smtp => stage.sink.stop().await,
            Outage::SmtpHangs => stage.sink.hang().await?,
            Outage::SmtpMute => stage.sink.mute().await?,
        }
        Ok(())
    }

    /// Starts it again, and waits until it works.
    pub(crate) async fn end(self, stage: &mut Stage) -> anyhow::Result<()> {
        let servers = &mut stage.servers;
        let server = match self {
            Outage::Broker => &mut servers.broker,
            Outage::Redis => &mut servers.redis,
            Outage::Postgres => &mut servers.postgres,
            Outage::Mongo => &mut servers.mongo,
            Outage::Smtp | Outage::SmtpHangs | Outage::SmtpMute => return stage.sink.listen().await,
        };
        server.start()?;
        server.listens().await?;
        match self {
            Outage::Postgres => check::postgres_answers(servers).await,
            _ => Ok(()),
        }
    }
}

pub(crate) async fn run(cli: &Cli, options: &Options) -> anyhow::Result<Verdict> {
    let outages = if options.only.is_empty() { Outage::value_variants() } else { &options.only };
    let mut stage = Stage::set(cli, 300, false).await?;
    let mut report = Report::default();
    let wanted = |processes| options.processes.is_none_or(|only| only == processes);
    for outage in outages.iter().filter(|_| wanted(Processes::RunOn)) {
        suffer(*outage, &mut stage, options, &mut report).await?;
    }
    for outage in outages.iter().filter(|outage| wanted(Processes::Restart) && outage.meets_starts()) {
        restarts::suffer(*outage, &mut stage, options, &mut report).await?;
    }
    println!();
    report.errors(&stage.shop, &stage.servers);
    println!("\n{}.", circumstances(&stage.shop, cli));
    Ok(report.verdict())
}

async fn suffer(outage: Outage, stage: &mut Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("{}", outage.title());
    let load = stage.clients.come(options.per_second);
    // caches and connections from an earlier outage must not affect this one
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(stage.clients.record());
    let before = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let gone = Instant::now();
    outage.begin(stage).await?;
    tokio::time::sleep(outage.lasts(options.seconds)).await;
    outage.end(stage).await?;
    let back = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let end = Instant::now();
    load.end().await?;
    let record = stage.clients.record();
    eprintln!("waiting until all work is done");
    let settled = stage.stores.settle(&record.facts, &stage.sink, options.seconds_after()).await?;

    let phase = |name, from, to| Phase { name, from, to };
    let phases = [
        phase("before", before, gone),
        phase("during", gone, back),
        phase("5 s of return", back, after),
        phase("after", after, end),
    ];
    println!("\n### {}\n", outage.title());
    println!("Away for {} s.\n", seconds(back - gone));
    println!("| phase | buyers a second: offered | orders placed | paid or declined |\n|---|--:|--:|--:|");
    for phase in &phases {
        let count = |op| Answers::of(&record.samples, phase, op).good;
        let offered = record.offered.iter().filter(|(at, _)| phase.has(*at)).count();
        let [offered, placed, paid] = [offered, count(Op::Order), count(Op::Pay)].map(|count| rate(count, phase));
        println!("| {} | {offered} | {placed} | {paid} |", phase.name);
    }
    let turned_away = record.offered.iter().filter(|(_, has_account)| !has_account).count();
    println!("\n{turned_away} buyers found no free account, as all were waiting for answers.");
    print_answers(&record.samples, &phases);
    judge(outage, &record.samples, &phases, report);
    report.settled(&settled);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn rate(count: usize, phase: &Phase) -> String {
    format!("{:.1}", count as f64 / (phase.to - phase.from).as_secs_f64())
}

fn judge(outage: Outage, samples: &[Sample], phases: &[Phase; 4], report: &mut Report) {
    println!();
    let [_, during, _, after] = phases;
    let of = |phase: &Phase, op| Answers::of(samples, phase, op);
    for op in outage.must_answer() {
        let answers = of(during, *op);
        if answers.all() > 0 {
            let (good, all) = (answers.good, answers.all());
            report.line(good == all, &format!("{}: {good} of {all} were answered during the outage", op.name()));
        }
    }
    for op in Op::ALL {
        let answers = of(after, op);
        if answers.good < answers.all() {
            report
                .line(false, &format!("{}: {} of {} were answered 5 s after the return", op.name(), answers.good, answers.all()));
        }
    }
    let of_outage: Vec<&Sample> = samples.iter().filter(|sample| sample.at >= during.from).collect();
    let other = of_outage.iter().filter(|sample| sample.status == 0 || sample.status >= 500 && sample.status != 503).count();
    report.line(other == 0, &format!("{other} calls had no answer, or one of 500 and above that was not 503"));
    // calls that were waiting for an answer or a connection when the server went away may wait as long as for a free connection
    let known = |sample: &&&Sample| sample.status == 503 && sample.at >= during.from + NOTICED;
    let mut refusals: Vec<Duration> = of_outage.iter().filter(known).map(|sample| sample.took).collect();
    refusals.sort_unstable();
    if let Some(p99) = refusals.get(refusals.len() * 99 / 100) {
        report.line(
            *p99 <= QUICKLY,
            &format!(
                "99 of 100 answers 503 came within {} ms (limit: {}), of calls later than {} ms after it went",
                p99.as_millis(),
                QUICKLY.as_millis(),
                NOTICED.as_millis()
            ),
        );
    }
    let slowest = of_outage.iter().map(|sample| sample.took).max().unwrap_or_default();
    report.line(slowest <= EVER, &format!("the slowest answer took {} ms (limit: {})", slowest.as_millis(), EVER.as_millis()));
}
