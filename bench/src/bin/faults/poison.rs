//! `faults poison`: an event that cannot be handled, and the events behind it.
//!
//! A template of the operator has a mistake that affects only one order. The event of this order is tried as often as the
//! settings allow and becomes a dead letter; other events are not delayed. Then the template is repaired and the dead letter
//! replayed.

use crate::{
    Cli, Stage,
    report::{Report, Verdict, circumstances},
    shop::RETRY_MS,
};
use anyhow::bail;
use std::time::{Duration, Instant};

const TEMPLATE: &str = "order.placed.subject.txt";
/// The order that is affected.
const ORDER: i64 = 5;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Buyers a second
    #[arg(long, default_value_t = 10)]
    per_second: u32,
    /// The longest wait until all work is done
    #[arg(long, default_value_t = 60)]
    seconds_after: u64,
}

pub(crate) async fn run(cli: &Cli, options: &Options) -> anyhow::Result<Verdict> {
    let longest = Duration::from_secs(options.seconds_after);
    let mut stage = Stage::set(cli, 20, true).await?;
    let good = "We have received your order {{ order.number }}";
    let bad = format!("{{% if order.number == 'S-{ORDER:08}' %}}{{{{ nobody.knows.this }}}}{{% endif %}}{good}");
    stage.shop.replace_template(TEMPLATE, &bad)?;
    restart_senders(&mut stage).await?;

    let load = stage.clients.come(options.per_second);
    let started = Instant::now();
    let letters = loop {
        let letters = stage.shop.dead_letters(&["list"])?;
        if !letters.is_empty() {
            break letters;
        }
        if started.elapsed() > longest {
            bail!("there is no dead letter");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let after = started.elapsed().as_secs();
    // more behind it
    tokio::time::sleep(Duration::from_secs(3)).await;
    load.end().await?;
    let record = stage.clients.record();

    println!("### A poisonous event\n");
    println!("{}; {} buyers a second.\n", circumstances(&stage.shop, cli), options.per_second);
    println!("After {after} s there was a dead letter (id, place, listener, type, subject, time, attempts, reason):\n");
    println!("```text\n{}\n```\n", letters.trim());
    let mut report = Report::default();
    let letter: Vec<&str> = letters.split("  ").map(str::trim).collect();
    let attempts = (RETRY_MS.len() + 1).to_string();
    let is_it =
        letter.get(1..5) == Some(&["broker", "notification", "order.placed", &ORDER.to_string()]) && letters.lines().count() == 1;
    report.line(is_it, "it is the dead letter of this event, and the only one");
    report.line(
        letter.get(6) == Some(&attempts.as_str()),
        &format!("it was tried {attempts} times, with the pauses of the settings"),
    );
    report.line(letter.get(7).is_some_and(|reason| reason.contains(TEMPLATE)), "it has the reason");
    let settled = stage.stores.settle(&record.facts, &stage.sink, Duration::from_secs(15)).await?;
    let violations = settled.findings.violations;
    let expected =
        ["1 dead letters of notification".to_owned(), format!("0 notifications of {:?} instead of 1", ("order.placed", ORDER))];
    report.line(
        violations.len() == 2 && expected.iter().all(|one| violations.contains(one)),
        "nothing but its own notification is missing",
    );
    violations.iter().filter(|one| !expected.contains(one)).for_each(|one| println!("  - {one}"));

    stage.shop.replace_template(TEMPLATE, good)?;
    restart_senders(&mut stage).await?;
    let replayed = stage.shop.dead_letters(&["replay", "--all"])?;
    println!("\nThe template was repaired, and the dead letter replayed: {}.\n", replayed.trim());
    report.settled(&stage.stores.settle(&record.facts, &stage.sink, longest).await?);
    report.line(stage.shop.dead_letters(&["list"])?.is_empty(), "there are no dead letters");
    Ok(report.verdict())
}

/// Templates are read at the start.
async fn restart_senders(stage: &mut Stage) -> anyhow::Result<()> {
    for process in stage.shop.senders() {
        process.kill().await?;
        process.ready().await?;
    }
    Ok(())
}
