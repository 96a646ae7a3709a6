//! Working through what is due, several at a time, so that a slow one holds up no other.

use crate::service::Result;
use futures_util::{StreamExt, stream::FuturesUnordered};
use kernel::jobs::Jobs;
use std::time::Duration;
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
            match take((WIDTH - under_way.len()) as u64).await {
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
