//! When a notification is tried again, and when it has failed.

use crate::{
    NotificationStatus,
    config::Config,
    outcome::Outcome,
    store::stored::{Row, Setback},
};
use kernel::chrono::{DateTime, TimeDelta, Utc};
use std::{sync::Arc, time::Duration};

/// The retry policy.
#[derive(Debug, Clone)]
pub(crate) struct RetryPolicy {
    /// The waits after attempts that failed.
    waits: Arc<[TimeDelta]>,
    /// Time after which a notification fails while the provider cannot be reached.
    give_up: TimeDelta,
}

impl RetryPolicy {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            waits: config.retry_ms.iter().map(|ms| delta(Duration::from_millis(*ms))).collect(),
            give_up: TimeDelta::hours(config.give_up_hours.into()),
        }
    }

    /// Whether a notification has used all attempts, by attempts without a recorded outcome.
    pub(crate) fn is_exhausted(&self, row: &Row) -> bool {
        unrecorded(row) > 0 && row.attempts + unrecorded(row) > self.retries()
    }

    fn retries(&self) -> u32 {
        u32::try_from(self.waits.len()).unwrap_or(u32::MAX)
    }

    /// The new state after an attempt; `None` if it succeeded. `others_were_answered`: the provider answered other attempts
    /// meanwhile.
    pub(crate) fn setback(
        &self,
        row: &Row,
        outcome: &Outcome,
        others_were_answered: bool,
        now: DateTime<Utc>,
    ) -> Option<Setback> {
        let so_far = row.attempts + unrecorded(row);
        let (reason, attempts, wait) = match outcome {
            Outcome::Sent { .. } => return None,
            Outcome::Impossible(reason) => (reason, so_far, None),
            Outcome::Refused { reason, is_final: true } => (reason, so_far + 1, None),
            Outcome::Refused { reason, .. } | Outcome::MaybeSent(reason) | Outcome::NotYet(reason) => {
                (reason, so_far + 1, self.wait(so_far))
            }
            Outcome::Postponed(reason) => (reason, so_far, Some(TimeDelta::seconds(1))),
            // other messages were accepted: this message may be the cause
            Outcome::Unreachable { reason, hung: true } if others_were_answered => (reason, so_far + 1, self.wait(so_far)),
            Outcome::Unreachable { reason, .. } if now - row.queued_at >= self.give_up => (reason, so_far, None),
            // too many concurrent connections; a short wait is enough
            Outcome::Unreachable { reason, .. } if others_were_answered => (reason, so_far, Some(TimeDelta::seconds(1))),
            // due last, so that the next probe is another message
            Outcome::Unreachable { reason, .. } => (reason, so_far, Some(TimeDelta::zero())),
        };
        let status = if wait.is_some() { NotificationStatus::Queued } else { NotificationStatus::Failed };
        Some(Setback { status, attempts, due_at: now + wait.unwrap_or_default(), reason: reason.clone() })
    }

    /// The wait after attempt number `failed`, from 0; `None` after the last one.
    fn wait(&self, failed: u32) -> Option<TimeDelta> {
        self.waits.get(failed as usize).copied()
    }
}

/// Attempts without a recorded outcome: each may have sent the message.
fn unrecorded(row: &Row) -> u32 {
    row.claims.saturating_sub(1)
}

pub(crate) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        NotificationChannel, NotificationKind,
        store::{message::Message, stored::now},
    };
    use kernel::UserId;

    #[test]
    fn an_unreachable_provider_uses_no_attempts_until_the_deadline() {
        let waits = [TimeDelta::seconds(30), TimeDelta::minutes(2)].into();
        let plan = RetryPolicy { waits, give_up: TimeDelta::hours(72) };
        let message = Message { locale: "en".into(), subject: "S".into(), text: "T".into(), html: None };
        let (kind, channel, start) = (NotificationKind::OrderPaid, NotificationChannel::Email, now());
        let mut row = Row::new(uuid::Uuid::now_v7(), UserId(7), kind, channel, message, start);
        let mut after = |attempts, outcome, reached, time: TimeDelta| {
            row.attempts = attempts;
            let setback = plan.setback(&row, &outcome, reached, start + time).expect("not sent");
            (setback.status, setback.attempts, setback.due_at - start - time)
        };
        let (queued, failed) = (NotificationStatus::Queued, NotificationStatus::Failed);
        let (none, hour) = (TimeDelta::zero(), TimeDelta::hours(1));
        let refused = |is_final| Outcome::Refused { reason: "450".into(), is_final };
        for outcome in [refused(false), Outcome::MaybeSent("broken".into()), Outcome::NotYet("unknown".into())] {
            assert_eq!(after(0, outcome.clone(), true, none), (queued, 1, TimeDelta::seconds(30)));
            assert_eq!(after(1, outcome.clone(), false, hour), (queued, 2, TimeDelta::minutes(2)));
            assert_eq!(after(2, outcome, true, hour), (failed, 3, none));
        }
        assert_eq!(after(0, refused(true), true, none), (failed, 1, none));
        assert_eq!(after(0, Outcome::Impossible("no address".into()), true, none), (failed, 0, none));
        assert_eq!(after(0, Outcome::Postponed("no store".into()), false, none), (queued, 0, TimeDelta::seconds(1)));

        let unreachable = |hung| Outcome::Unreachable { reason: "no answer".into(), hung };
        for hung in [false, true] {
            assert_eq!(after(2, unreachable(hung), false, hour), (queued, 2, none));
            assert_eq!(after(0, unreachable(hung), false, TimeDelta::hours(72)), (failed, 0, none));
        }
        // others were answered meanwhile
        assert_eq!(after(0, unreachable(false), true, hour), (queued, 0, TimeDelta::seconds(1)));
        assert_eq!(after(0, unreachable(true), true, hour), (queued, 1, TimeDelta::seconds(30)));
        assert_eq!(after(2, unreachable(true), true, hour), (failed, 3, none));
    }

    #[test]
    fn an_attempt_without_a_recorded_outcome_counts() {
        let plan = RetryPolicy { waits: [TimeDelta::seconds(30), TimeDelta::minutes(2)].into(), give_up: TimeDelta::hours(72) };
        let message = Message { locale: "en".into(), subject: "S".into(), text: "T".into(), html: None };
        let (kind, channel, start) = (NotificationKind::OrderPaid, NotificationChannel::Email, now());
        let mut row = Row::new(uuid::Uuid::now_v7(), UserId(7), kind, channel, message, start);
        row.claims = 2;
        let setback = plan.setback(&row, &Outcome::MaybeSent("broken".into()), false, start).expect("not sent");
        assert_eq!((setback.attempts, setback.due_at - start), (2, TimeDelta::minutes(2)));
        row.claims = 3;
        let setback = plan.setback(&row, &Outcome::MaybeSent("broken".into()), false, start).expect("not sent");
        assert_eq!((setback.status, setback.attempts), (NotificationStatus::Failed, 3));
    }
}
