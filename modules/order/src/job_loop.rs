//! A job that runs several pieces of work at once, so that a slow one does not hold up the others.

use crate::context::Result;
use futures_util::{StreamExt, stream::FuturesUnordered};
use kernel::jobs::Jobs;
use std::{pin::pin, time::Duration};
use tokio::time::Instant;

/// How many pieces of work run at once.
const CONCURRENCY: usize = 8;
/// How long a run claims more work. Running work then has time to finish before the job counts as stuck.
const CLAIM_TIME: Duration = Duration::from_secs(30);
/// How often a run looks for more work while slow work is running.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Claims work, at most as many pieces as `claim` is asked for, and runs it until nothing is left or the jobs are stopping.
///
/// # Errors
/// When a claim fails; work that was claimed before has been run.
pub(crate) async fn run_claimed<T, F, W>(jobs: &Jobs, claim: impl Fn(u64) -> F, run: impl Fn(T) -> W) -> Result<()>
where
    F: Future<Output = Result<Vec<T>>>,
    W: Future<Output = ()>,
{
    let started = Instant::now();
    let mut running = FuturesUnordered::new();
    let mut outcome = Ok(());
    let mut should_claim = true;
    loop {
        // not after each finished piece: claiming one costs as much as claiming several
        let may_claim = outcome.is_ok() && started.elapsed() < CLAIM_TIME && !jobs.stopping().is_cancelled();
        if should_claim && may_claim && running.len() < CONCURRENCY {
            let mut claiming = pin!(claim((CONCURRENCY - running.len()) as u64));
            // running work continues meanwhile: it may hold the connection that the claim waits for
            let claimed = loop {
                tokio::select! {
                    claimed = &mut claiming => break claimed,
                    Some(()) = running.next() => {}
                }
            };
            match claimed {
                Ok(claimed) => running.extend(claimed.into_iter().map(&run)),
                Err(error) => outcome = Err(error),
            }
        }
        match tokio::time::timeout(POLL_INTERVAL, running.next()).await {
            Ok(None) => return outcome,
            Ok(Some(())) => should_claim = running.len() <= CONCURRENCY / 2,
            Err(_) => should_claim = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::sync::Mutex;

    #[tokio::test(start_paused = true)]
    async fn running_work_continues_during_a_claim() {
        let (connection, left, done) = (Mutex::new(()), Cell::new(100_u64), Cell::new(0));
        let claim = |limit: u64| {
            let (connection, left) = (&connection, &left);
            async move {
                let _held = connection.lock().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                let claimed = limit.min(left.get());
                left.set(left.get() - claimed);
                Ok(vec![(); usize::try_from(claimed).unwrap_or_default()])
            }
        };
        let run = |()| {
            let (connection, done) = (&connection, &done);
            async move {
                let _held = connection.lock().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                done.set(done.get() + 1);
            }
        };
        let jobs = Jobs::default();
        let all = run_claimed(&jobs, claim, run);
        tokio::time::timeout(Duration::from_secs(5), all).await.expect("no deadlock").expect("claimed");
        assert_eq!(done.get(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_does_not_hold_up_the_rest() {
        let (left, done) = (Cell::new(50_u64), Cell::new(0));
        let claim = |limit: u64| {
            let claimed = limit.min(left.get());
            let first = left.get() == 50;
            left.set(left.get() - claimed);
            async move { Ok((0..claimed).map(|i| first && i == 0).collect()) }
        };
        let run = |hangs| {
            let done = &done;
            async move {
                if hangs {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                }
                done.set(done.get() + 1);
            }
        };
        let jobs = Jobs::default();
        let all = run_claimed(&jobs, claim, run);
        assert!(tokio::time::timeout(Duration::from_secs(20), all).await.is_err(), "one piece of work hangs");
        assert_eq!(done.get(), 49);
    }
}
