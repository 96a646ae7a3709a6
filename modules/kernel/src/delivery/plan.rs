//! When the delivery of an event is retried, and when the event becomes a dead letter.

use super::config::Config;
use crate::{Code, Fault};
use std::time::Duration;

/// When a delivery is retried, and when it is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryPlan {
    waits: Vec<Duration>,
    give_up: Duration,
}

/// The next step for an event whose delivery has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The fault is transient: it is delivered again after this time, and the attempt does not count.
    Defer(Duration),
    /// It is delivered again after this time, and the attempt counts.
    Retry(Duration),
    /// It is a dead letter.
    DeadLetter,
}

impl RetryPlan {
    pub(crate) fn of(config: &Config) -> Self {
        let waits = config.retry_ms.iter().copied().map(Duration::from_millis).collect();
        Self { waits, give_up: Duration::from_secs(u64::from(config.give_up_hours) * 3600) }
    }

    /// The next step for an event that has failed `attempts` times before, and whose delivery was first tried `age` ago.
    pub(crate) fn after(&self, fault: &Fault, attempts: i32, age: Duration) -> Next {
        /// The longest wait after a transient fault.
        const LONGEST: Duration = Duration::from_secs(60);
        if age >= self.give_up {
            return Next::DeadLetter;
        }
        if is_transient(fault) {
            // a fault that has lasted long will probably last longer
            return Next::Defer((age / 4).clamp(Duration::from_millis(100), LONGEST));
        }
        let wait = usize::try_from(attempts).ok().and_then(|attempts| self.waits.get(attempts));
        wait.map_or(Next::DeadLetter, |wait| Next::Retry(*wait))
    }

    /// The age at which an event is given up, whatever the reason.
    pub(crate) fn give_up(&self) -> Duration {
        self.give_up
    }

    /// The waits between attempts.
    pub(crate) fn waits(&self) -> &[Duration] {
        &self.waits
    }
}

/// Whether the same delivery can be expected to work later by itself.
pub(crate) fn is_transient(fault: &Fault) -> bool {
    matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded | Code::TooManyRequests)
}
