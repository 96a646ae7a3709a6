//! When the delivery of an event is retried, and when the event becomes a dead letter.

use super::config::Config;
use crate::{Code, Fault};
use std::time::Duration;

/// When an event is handed over again, and when it is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryPlan {
    waits: Vec<Duration>,
    give_up: Duration,
}

/// What becomes of an event whose delivery has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Somebody cannot be reached, which is nobody's attempt: it is delivered again after this time.
    Later(Duration),
    /// It is delivered again after this time, and the attempt counts.
    Again(Duration),
    /// It is a dead letter.
    Never,
}

impl RetryPlan {
    pub(crate) fn of(config: &Config) -> Self {
        let waits = config.retry_ms.iter().copied().map(Duration::from_millis).collect();
        Self { waits, give_up: Duration::from_secs(u64::from(config.give_up_hours) * 3600) }
    }

    /// What becomes of an event that has failed `attempts` times before, and whose delivery was first tried `age` ago.
    pub(crate) fn after(&self, fault: &Fault, attempts: i32, age: Duration) -> Next {
        /// Waiting for somebody who is away: as often as once in this time, at the least.
        const LONGEST: Duration = Duration::from_secs(60);
        if age >= self.give_up {
            return Next::Never;
        }
        if is_transient(fault) {
            // the longer it lasts, the longer it will probably last
            return Next::Later((age / 4).clamp(Duration::from_millis(100), LONGEST));
        }
        let wait = usize::try_from(attempts).ok().and_then(|attempts| self.waits.get(attempts));
        wait.map_or(Next::Never, |wait| Next::Again(*wait))
    }

    /// The age at which an event is given up, whatever the reason.
    pub(crate) fn give_up(&self) -> Duration {
        self.give_up
    }

    /// The waits that there are.
    pub(crate) fn waits(&self) -> &[Duration] {
        &self.waits
    }
}

/// Whether the same delivery can be expected to work later without anyone doing anything.
pub(crate) fn is_transient(fault: &Fault) -> bool {
    matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded | Code::TooManyRequests)
}
