//! Publishes the events of an outbox to the broker.

use super::{
    claim::{claim, settle},
    pace::{PERIOD, pauses},
};
use crate::{
    Fault,
    db::Db,
    delivery::{
        plan::{RetryPlan, is_transient},
        publisher::Publisher,
    },
    jobs::{Beat, CancellationToken},
};

/// How many events are published at once.
const BATCH: u64 = 100;

/// The outcome of one poll of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There was nothing to publish.
    Idle,
    /// Events were published, and there may be more.
    Published,
    /// Something was, and the broker could not be reached.
    Unreachable,
}

/// Publishes the events of one listener, or of everyone, until jobs are to end.
pub(super) async fn run(
    db: Db,
    mut publisher: Publisher,
    to: &'static str,
    plan: RetryPlan,
    stop: CancellationToken,
    beat: Beat,
) {
    let mut commits = db.hook().commits.subscribe();
    let mut pause = pauses();
    loop {
        let round = publish(&db, &mut publisher, to, &plan).await;
        if round.is_ok() {
            beat.succeeded();
        } else {
            beat.failed();
        }
        let woken = async {
            match round {
                Ok(Round::Idle) => drop(tokio::time::timeout(PERIOD, commits.changed()).await),
                Ok(Round::Published) => pause = pauses(),
                // a fault was logged where it was made
                Ok(Round::Unreachable) | Err(_) => tokio::time::sleep(pause.next().unwrap_or(PERIOD)).await,
            }
        };
        if stop.run_until_cancelled(woken).await.is_none() || stop.is_cancelled() {
            return;
        }
    }
}

async fn publish(db: &Db, publisher: &mut Publisher, to: &str, plan: &RetryPlan) -> Result<Round, Fault> {
    let rows = claim(db, to, BATCH).await?;
    if rows.is_empty() {
        return Ok(Round::Idle);
    }
    let (mut readable, mut events, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row.envelope() {
            Ok(event) => {
                events.push(event);
                readable.push(row);
            }
            Err(fault) => ended.push((row, Err(fault))),
        }
    }
    let outcomes = publisher.publish(to, &events).await;
    let is_away = outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(is_transient));
    ended.extend(readable.into_iter().zip(outcomes));
    settle(db, plan, to, ended).await?;
    Ok(if is_away { Round::Unreachable } else { Round::Published })
}
