//! The time of day, in one place, so that every stored time has the same precision on every store.

use chrono::{DateTime, SubsecRound, Utc};

/// Now, in UTC, cut to microseconds: the precision that PostgreSQL keeps.
pub fn now() -> DateTime<Utc> {
    truncated(Utc::now())
}

pub(crate) fn truncated(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}
