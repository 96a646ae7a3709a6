//! The pauses between attempts to reach something that is away.

use backon::BackoffBuilder;
use std::time::Duration;

/// Pauses that double from `shortest` to `longest` and never end. Jitter may add as much again to each, so that processes that lost
/// the same server do not all return to it at once.
pub(crate) fn pauses(shortest: Duration, longest: Duration) -> backon::ExponentialBackoff {
    let pauses = backon::ExponentialBuilder::default().with_min_delay(shortest).with_max_delay(longest);
    pauses.with_jitter().without_max_times().build()
}
