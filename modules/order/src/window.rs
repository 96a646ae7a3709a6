//! Working through what is due, several at a time, so that a slow one holds up no other.

use crate::service::Result;
use futures_util::{StreamExt, stream::FuturesUnordered};
use kernel::jobs::Jobs;
use std::{pin::pin, time::Duration};
use tokio::time::Instant;

/// How many are worked on at once.
const WIDTH: usize = 8;
/// How long more is taken: what is under way then has time to end before the job is taken for one that hangs.
const ROUND: Duration = Duration::from_secs(30);
/// How often is looked for more while some take long.
const LOOK: Duration = Duration::from_secs(1);

/// Takes what is due, as many as asked for or fewer, and works on it, until there is no more or the jobs are to end.
///
/// # Errors
/// When no more can be taken; what was taken before has been worked on.
pub(crate) async fn work_through<T, F, W>(jobs: &Jobs, take: impl Fn(u64) -> F, work: impl Fn(T) -> W) -> Result<()>
where
    F: Future<Output = Result<Vec<T>>>,
    W: Future<Output = ()>,
{
    let started = Instant::now();
    let mut under_way = FuturesUnordered::new();
    let mut outcome = Ok(());
    let mut is_time = true;
    loop {
        // not for each that ends: taking one costs as much as taking some
        let may_take = outcome.is_ok() && started.elapsed() < ROUND && !jobs.stopping().is_cancelled();
        if is_time && may_take && under_way.len() < WIDTH {
            let mut taking = pin!(take((WIDTH - under_way.len()) as u64));
            // what is under way goes on meanwhile: it may hold the very connection that taking waits for
            let taken = loop {
                tokio::select! {
                    taken = &mut taking => break taken,
                    Some(()) = under_way.next() => {}
                }
            };
            match taken {
                Ok(taken) => under_way.extend(taken.into_iter().map(&work)),
                Err(error) => outcome = Err(error),
            }
        }
        match tokio::time::timeout(LOOK, under_way.next()).await {
            Ok(None) => return outcome,
            Ok(Some(())) => is_time = under_way.len() <= WIDTH / 2,
            Err(_) => is_time = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::sync::Mutex;

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_goes_on_while_more_is_taken() {
        let (connection, left, done) = (Mutex::new(()), Cell::new(100_u64), Cell::new(0));
        let take = |limit: u64| {
            let (connection, left) = (&connection, &left);
            async move {
                let _held = connection.lock().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                let taken = limit.min(left.get());
                left.set(left.get() - taken);
                Ok(vec![(); usize::try_from(taken).unwrap_or_default()])
            }
        };
        let work = |()| {
            let (connection, done) = (&connection, &done);
            async move {
                let _held = connection.lock().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                done.set(done.get() + 1);
            }
        };
        let jobs = Jobs::default();
        let all = work_through(&jobs, take, work);
        tokio::time::timeout(Duration::from_secs(5), all).await.expect("nobody waits for himself").expect("taken");
        assert_eq!(done.get(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_holds_up_no_other() {
        let (left, done) = (Cell::new(50_u64), Cell::new(0));
        let take = |limit: u64| {
            let taken = limit.min(left.get());
            let first = left.get() == 50;
            left.set(left.get() - taken);
            async move { Ok((0..taken).map(|i| first && i == 0).collect()) }
        };
        let work = |hangs| {
            let done = &done;
            async move {
                if hangs {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                }
                done.set(done.get() + 1);
            }
        };
        let jobs = Jobs::default();
        let all = work_through(&jobs, take, work);
        assert!(tokio::time::timeout(Duration::from_secs(20), all).await.is_err(), "one hangs");
        assert_eq!(done.get(), 49);
    }
}
