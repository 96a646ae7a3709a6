//! How often a relay polls, and how many events it delivers at the same time.

use crate::{Code, Fault};
use std::time::{Duration, Instant};

/// How often a relay polls without being woken.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// The pauses between probes while the other side is away: from 100 ms to 5 s, with jitter, which may double a pause.
pub(super) fn pauses() -> backon::ExponentialBackoff {
    crate::pauses::pauses(Duration::from_millis(100), Duration::from_millis(2_500))
}

/// Full speed, or, while the listener or the store is away, a probe with one event now and then.
pub(super) struct Pace {
    probes: Option<backon::ExponentialBackoff>,
    not_before: Instant,
}

impl Pace {
    pub(super) fn full() -> Self {
        Self { probes: None, not_before: Instant::now() }
    }

    /// How many events may be under way.
    pub(super) fn window(&self, full: usize) -> usize {
        match self.probes {
            None => full,
            Some(_) => usize::from(Instant::now() >= self.not_before),
        }
    }

    /// How long to wait before the next poll or probe.
    pub(super) fn pause(&self) -> Duration {
        match self.not_before.saturating_duration_since(Instant::now()) {
            Duration::ZERO => PERIOD,
            probe => probe,
        }
    }

    /// Learns from outcomes: one answer is enough to know that the listener is up.
    pub(super) fn learn<'a>(&mut self, mut outcomes: impl Iterator<Item = &'a Result<(), Fault>>) {
        let is_away = |outcome: &Result<(), Fault>| matches!(outcome, Err(fault) if fault.code() == Code::Unavailable);
        if outcomes.any(|outcome| !is_away(outcome)) {
            self.probes = None;
            self.not_before = Instant::now();
        } else {
            self.missed();
        }
    }

    pub(super) fn missed(&mut self) {
        // deliveries that were under way together fail together
        if Instant::now() >= self.not_before {
            let pause = self.probes.get_or_insert_with(pauses).next().unwrap_or(PERIOD);
            self.not_before = Instant::now() + pause;
        }
    }
}
