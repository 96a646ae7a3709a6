//! How often a relay looks for events, and how many it delivers at the same time.

use crate::{Code, Fault};
use backon::BackoffBuilder;
use std::time::{Duration, Instant};

/// How often a relay looks by itself.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// Between two looks while nobody can be reached: from 100 ms to 5 s, with jitter, which may double a pause.
pub(super) fn pauses() -> backon::ExponentialBackoff {
    let pauses = backon::ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
    pauses.with_max_delay(Duration::from_millis(2_500)).with_jitter().without_max_times().build()
}

/// Full speed, or, while the listener or the store is away, a knock with one event now and then.
pub(super) struct Pace {
    knocks: Option<backon::ExponentialBackoff>,
    not_before: Instant,
}

impl Pace {
    pub(super) fn full() -> Self {
        Self { knocks: None, not_before: Instant::now() }
    }

    /// How many events may be under way.
    pub(super) fn window(&self, full: usize) -> usize {
        match self.knocks {
            None => full,
            Some(_) => usize::from(Instant::now() >= self.not_before),
        }
    }

    /// How long to wait for something to happen.
    pub(super) fn pause(&self) -> Duration {
        match self.not_before.saturating_duration_since(Instant::now()) {
            Duration::ZERO => PERIOD,
            knock => knock,
        }
    }

    /// One answer is enough to know that somebody is there.
    pub(super) fn learn<'a>(&mut self, mut outcomes: impl Iterator<Item = &'a Result<(), Fault>>) {
        let is_away = |outcome: &Result<(), Fault>| matches!(outcome, Err(fault) if fault.code() == Code::Unavailable);
        if outcomes.any(|outcome| !is_away(outcome)) {
            self.knocks = None;
            self.not_before = Instant::now();
        } else {
            self.missed();
        }
    }

    pub(super) fn missed(&mut self) {
        // those that were under way together miss together
        if Instant::now() >= self.not_before {
            let pause = self.knocks.get_or_insert_with(pauses).next().unwrap_or(PERIOD);
            self.not_before = Instant::now() + pause;
        }
    }
}
