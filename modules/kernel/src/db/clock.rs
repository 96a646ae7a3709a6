//! The time of a database's server, by which all processes reckon leases and due times.

use chrono::{DateTime, TimeDelta, Utc};
use std::{
    sync::{PoisonError, RwLock},
    time::Instant,
};

/// A moment by our monotonic clock, and the server's time then; none before the server was asked.
#[derive(Debug, Default)]
pub(super) struct Clock(RwLock<Option<(Instant, DateTime<Utc>)>>);

impl Clock {
    /// Notes an answer of the server, which was asked at `before`.
    pub(super) fn set(&self, before: Instant, server: DateTime<Utc>) {
        let moment = before + before.elapsed() / 2;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((moment, server));
    }

    /// The server's time, to the millisecond or so; before it was asked, the time of this machine.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let anchor = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some((moment, server)) = anchor else { return crate::now() };
        // by the monotonic clock: the wall clock of this machine may be wrong, and may jump
        let since = TimeDelta::from_std(moment.elapsed()).unwrap_or_default();
        crate::clock::truncated(server + since)
    }
}
