//! A part of `faults outages`: the processes of the shop are restarted while a server is away.
//!
//! Each must start and name the missing server; requests that do not need it must work; and when the server is back, all
//! processes must recover without another restart.

use crate::{
    Stage,
    load::{Failure, Op, Record},
    outages::{Options, Outage},
    process::{Process, Readiness},
    report::{Answers, Phase, Report, print_answers, seconds},
    shop::DATABASES,
};
use std::time::{Duration, Instant};

/// How long a process may take until it answers `/livez`.
const LIVES: Duration = Duration::from_secs(1);
/// How long all of them may take to update their readiness, which is checked once a second.
const SEEN: Duration = Duration::from_secs(3);
/// How long the shop may take to be ready when the server is back.
const HEALED: Duration = Duration::from_secs(15);

pub(crate) async fn suffer(outage: Outage, stage: &mut Stage, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("{}, and everything restarted", outage.title());
    println!("\n### {}, and all processes restarted meanwhile\n", outage.title());
    let load = stage.clients.come(options.per_second());
    tokio::time::sleep(Duration::from_secs(3)).await;
    outage.begin(stage).await?;
    let gone = Instant::now();
    restart(stage, report).await?;
    tokio::time::sleep(SEEN).await;
    let restarted = Instant::now();
    let is_whole = stage.shop.is_whole();
    for process in &stage.shop.processes {
        let readiness = process.readiness().await?;
        let lacks = lacks(outage, process, is_whole);
        report.line(is_as_expected(&readiness, &lacks), &described(process, &readiness, &lacks));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let returning = Instant::now();
    outage.end(stage).await?;
    let back = Instant::now();
    for process in &stage.shop.processes {
        process.ready().await?;
    }
    let healed = back.elapsed();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let end = Instant::now();
    load.end().await?;
    let record = stage.clients.record();
    eprintln!("waiting until all work is done");
    let settled = stage.stores.settle(&record.facts, &stage.sink, options.seconds_after()).await?;

    let phases = [
        Phase { name: "restarting", from: gone, to: restarted },
        Phase { name: "restarted, still away", from: restarted, to: returning },
        Phase { name: "after", from: after, to: end },
    ];
    print_answers(&record.samples, &phases);
    println!();
    report.line(
        healed <= HEALED,
        &format!("all were ready {} s after its return (limit: {} s)", seconds(healed), HEALED.as_secs()),
    );
    let mut is_running = true;
    for process in &mut stage.shop.processes {
        is_running &= process.runs()?;
    }
    report.line(is_running, "no process ended by itself");
    let [_, away, after] = &phases;
    judge(&record, away, outage.must_answer(), report);
    judge(&record, after, &Op::ALL, report);
    report.settled(&settled);
    Ok(())
}

/// Restarts every process twice: first half are killed and half get SIGTERM, then the other way round.
async fn restart(stage: &mut Stage, report: &mut Report) -> anyhow::Result<()> {
    let (mut lives, mut not_well) = (Vec::new(), Vec::new());
    for round in 0..2 {
        for (n, process) in stage.shop.processes.iter_mut().enumerate() {
            let is_told = (round + n) % 2 == 1;
            let ended = process.end(if is_told { "TERM" } else { "KILL" }).await?;
            if is_told && !ended.status.success() {
                not_well.push(format!("{}: {}", process.name(), ended.status));
            }
            process.start()?;
            lives.push(process.lives().await?);
        }
    }
    let longest = lives.iter().max().copied().unwrap_or_default();
    report.line(longest <= LIVES, &format!("each of {} starts answered /livez within {} s", lives.len(), seconds(longest)));
    report.line(not_well.is_empty(), &format!("{} processes that were told to stop did not end with 0", not_well.len()));
    not_well.iter().for_each(|what| println!("  - {what}"));
    Ok(())
}

/// The checks of a process that must fail. The shop can sell without RabbitMQ and, in one process, without MongoDB.
fn lacks(outage: Outage, process: &Process, is_whole: bool) -> Vec<String> {
    let is_here = |module: &str| is_whole || process.module == module;
    let checks: Vec<(&str, String)> = match outage {
        Outage::Postgres => DATABASES.iter().map(|module| (*module, format!("{module}.database"))).collect(),
        Outage::Redis => vec![("cart", "cart.redis".into())],
        Outage::Mongo if !is_whole => vec![("notification", "notification.mongodb".into())],
        Outage::Mongo | Outage::Broker | Outage::Smtp | Outage::SmtpHangs | Outage::SmtpMute => vec![],
    };
    checks.into_iter().filter(|(module, _)| is_here(module)).map(|(_, check)| check).collect()
}

fn is_as_expected(readiness: &Readiness, lacks: &[String]) -> bool {
    readiness.is_ready() == lacks.is_empty() && lacks.iter().all(|check| readiness.misses(check))
}

fn described(process: &Process, readiness: &Readiness, lacks: &[String]) -> String {
    let wanted = if lacks.is_empty() { "ready".into() } else { format!("not ready for want of {}", lacks.join(", ")) };
    let is = if readiness.is_ready() { "is".into() } else { format!("says: {}", readiness.missing()) };
    format!("{} must be {wanted}, and {is}", process.name())
}

fn judge(record: &Record, phase: &Phase, ops: &[Op], report: &mut Report) {
    for op in ops {
        let answers = Answers::of(&record.samples, phase, *op);
        if answers.all() > 0 {
            let (good, all) = (answers.good, answers.all());
            report.line(good == all, &format!("{}: {good} of {all} were answered ({})", op.name(), phase.name));
            let failed = record.failures.iter().filter(|failure| failure.op == *op && phase.has(failure.at));
            failed
                .take(3)
                .for_each(|Failure { took, status, why, .. }| println!("  - {status} after {} ms: {why}", took.as_millis()));
        }
    }
}
