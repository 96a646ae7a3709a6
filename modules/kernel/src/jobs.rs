//! Work in the background: what a module does without being asked.

use std::{future::Future, time::Duration};
pub use tokio_util::sync::CancellationToken;

/// Runs `work` every `period` until `stop` is cancelled; a run is always finished first. Runs do not overlap.
pub fn every<F, Fut>(period: Duration, stop: CancellationToken, mut work: F)
where
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            work().await;
        }
    });
}
