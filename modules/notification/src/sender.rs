//! Sends what is queued: one worker for each channel.
//!
//! A worker takes notifications that are due by moving their `due_at` into the future, which is how several instances share the
//! work. That something was sent is noted as soon as it is known, and the note is tried until it is taken. What is not noted
//! because the process died is sent again, with the same Message-ID.
//!
//! When nobody can be reached, that is not the message's fault and takes none of its attempts: the worker knocks with one message
//! after the other, less and less often, and goes on where it was as soon as it is let in.

use crate::{
    Config, NotificationChannel, NotificationStatus,
    mail::Mailer,
    sms::{self, SmsProvider},
    store::{Row, Setback, Store, now},
};
use kernel::{
    Fault,
    chrono::{DateTime, TimeDelta, Utc},
    jobs::{CancellationToken, Jobs},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet};

/// How often a worker looks by itself.
const PERIOD: Duration = Duration::from_secs(1);
/// The pauses of a worker while nobody can be reached: each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken.
    Sent { to: String },
    /// It was not taken, and may be later.
    Refused(String),
    /// It will never be taken.
    Hopeless(String),
    /// There was nobody to take it. `hung`: there was, but without an answer in time.
    Unreachable { reason: String, hung: bool },
}

impl Outcome {
    pub(crate) fn unreachable(reason: String) -> Self {
        Self::Unreachable { reason, hung: false }
    }
}

/// Wakes the workers when something was queued. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Wake {
    email: Arc<Notify>,
    sms: Arc<Notify>,
}

impl Wake {
    pub(crate) fn of(&self, channel: NotificationChannel) -> &Notify {
        match channel {
            NotificationChannel::Email => &self.email,
            NotificationChannel::Sms => &self.sms,
        }
    }
}

/// How the messages of a channel are sent.
#[derive(Clone)]
pub(crate) enum Way {
    Mail(Mailer),
    Sms(Arc<dyn SmsProvider>),
}

/// The worker of a channel.
#[derive(Clone)]
pub(crate) struct Sender {
    store: Store,
    channel: NotificationChannel,
    way: Way,
    at_once: u32,
    lease: TimeDelta,
    plan: Plan,
}

/// How long is tried.
#[derive(Debug, Clone)]
struct Plan {
    /// The waits after attempts that failed.
    waits: Arc<[TimeDelta]>,
    /// When to give up while nobody can be reached.
    give_up: TimeDelta,
}

/// What became of a look at the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Nothing was due.
    Idle,
    /// Something was, and there may be more.
    Busy,
    /// Something was, and nobody could be reached.
    Unreachable,
}

impl Sender {
    pub(crate) fn new(config: &Config, store: Store, way: Way) -> Self {
        let millis = |ms: u64| TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX / 1_000_000));
        let (channel, timeout_ms) = match &way {
            Way::Mail(_) => (NotificationChannel::Email, config.smtp.timeout_ms),
            Way::Sms(_) => (NotificationChannel::Sms, config.sms_http.timeout_ms),
        };
        Self {
            store,
            channel,
            way,
            at_once: config.sends_at_once,
            // longer than any attempt and the note of how it ended; what a dead process had is sent after that
            lease: millis(timeout_ms + 10_000),
            plan: Plan {
                waits: config.retry_ms.iter().copied().map(millis).collect(),
                give_up: TimeDelta::hours(config.give_up_hours.into()),
            },
        }
    }

    /// Works until the end of the `jobs`; what has begun is finished first.
    pub(crate) fn start(self, wake: Wake, jobs: &Jobs) {
        let stop = jobs.stopping().clone();
        jobs.keep(format!("notification.{}", self.channel), move |beat| {
            let (this, wake, stop) = (self.clone(), wake.clone(), stop.clone());
            async move {
                let mut pause = None::<Duration>;
                loop {
                    // one message is enough to knock with
                    let limit = if pause.is_some() { 1 } else { self.at_once };
                    let round = this.round(limit).await;
                    if round.is_ok() {
                        beat.succeeded()
                    } else {
                        beat.failed()
                    }
                    let wait = match round {
                        Ok(Round::Busy) => {
                            pause = None;
                            continue_unless(&stop)
                        }
                        Ok(Round::Idle) => stop.run_until_cancelled(woken(wake.of(this.channel))).await,
                        Ok(Round::Unreachable) => {
                            let next = pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
                            pause = Some(next);
                            stop.run_until_cancelled(tokio::time::sleep(next)).await
                        }
                        // the store's fault was logged where it was made
                        Err(_) => stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await,
                    };
                    if wait.is_none() {
                        return;
                    }
                }
            }
        });
    }

    async fn round(&self, limit: u32) -> Result<Round, Fault> {
        let rows = self.store.claim(self.channel, self.lease, limit).await?;
        if rows.is_empty() {
            return Ok(Round::Idle);
        }
        let mut attempts = JoinSet::new();
        for row in rows {
            let sender = self.clone();
            attempts.spawn(async move {
                let outcome = sender.attempt(&row).await?;
                Ok::<_, Fault>((row, outcome))
            });
        }
        let (mut reached, mut outcomes) = (false, Vec::new());
        while let Some(done) = attempts.join_next().await {
            // one that broke off is due again when its lease ends
            let Ok(Ok((row, outcome))) = done else { continue };
            reached |= !matches!(outcome, Outcome::Unreachable { .. });
            outcomes.push((row, outcome));
        }
        let unreached = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Unreachable { .. }));
        for (row, outcome) in outcomes {
            if let Some(setback) = self.plan.setback(&row, outcome, reached, now()) {
                self.tell(&row, &setback);
                self.store.set_back(&row, &setback).await?;
            }
        }
        Ok(if unreached && !reached { Round::Unreachable } else { Round::Busy })
    }

    async fn attempt(&self, row: &Row) -> Result<Outcome, Fault> {
        let Some(contact) = self.store.contact(row.user_id).await? else {
            return Ok(Outcome::Refused("The address of the user is not known yet".into()));
        };
        let outcome = match &self.way {
            Way::Mail(mailer) => mailer.send(row, &contact).await,
            Way::Sms(provider) => sms::send(&**provider, row, &contact).await,
        };
        if let Outcome::Sent { to } = &outcome {
            self.count("sent");
            let at = now();
            while self.store.sent(row.id, to, at).await.is_err() {
                // before the lease ends somebody must know
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
        Ok(outcome)
    }

    fn tell(&self, row: &Row, setback: &Setback) {
        if setback.status == NotificationStatus::Failed {
            self.count("failed");
            let reason = setback.reason.as_str();
            tracing::warn!(notification = %row.id, kind = %row.kind, channel = %row.channel, reason, "notification failed");
        } else {
            self.count(if setback.attempts == row.attempts { "unreachable" } else { "refused" });
        }
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("souk_notifications_total", "channel" => self.channel.as_str(), "outcome" => outcome).increment(1);
    }
}

impl Plan {
    /// What is to be noted about an attempt that did not succeed. `reached`: others were answered meanwhile.
    fn setback(&self, row: &Row, outcome: Outcome, reached: bool, now: DateTime<Utc>) -> Option<Setback> {
        let failed_again = row.attempts + 1;
        let (reason, attempts, wait) = match outcome {
            Outcome::Sent { .. } => return None,
            Outcome::Hopeless(reason) => (reason, failed_again, None),
            Outcome::Refused(reason) => (reason, failed_again, self.wait(row.attempts)),
            // others got through, so that it may well be the message
            Outcome::Unreachable { reason, hung: true } if reached => (reason, failed_again, self.wait(row.attempts)),
            Outcome::Unreachable { reason, .. } if now - row.queued_at >= self.give_up => (reason, row.attempts, None),
            // one too many at once; it has not much to wait for
            Outcome::Unreachable { reason, .. } if reached => (reason, row.attempts, Some(TimeDelta::seconds(1))),
            // behind all the others, so that the next one to knock with is another one
            Outcome::Unreachable { reason, .. } => (reason, row.attempts, Some(TimeDelta::zero())),
        };
        let status = if wait.is_some() { NotificationStatus::Queued } else { NotificationStatus::Failed };
        Some(Setback { status, attempts, due_at: now + wait.unwrap_or_default(), reason })
    }

    /// The wait after the attempt number `failed`, from 0; none when it was the last one.
    fn wait(&self, failed: u32) -> Option<TimeDelta> {
        self.waits.get(failed as usize).copied()
    }
}

async fn woken(wake: &Notify) {
    // that nobody called is no reason not to look
    drop(tokio::time::timeout(PERIOD, wake.notified()).await);
}

fn continue_unless(stop: &CancellationToken) -> Option<()> {
    (!stop.is_cancelled()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NotificationKind, templates::Message};
    use kernel::UserId;

    #[test]
    fn nobody_there_takes_no_attempt_until_it_is_given_up() {
        let waits = [TimeDelta::seconds(30), TimeDelta::minutes(2)].into();
        let plan = Plan { waits, give_up: TimeDelta::hours(72) };
        let message = Message { locale: "en".into(), subject: "S".into(), text: "T".into(), html: None };
        let (kind, channel, start) = (NotificationKind::OrderPaid, NotificationChannel::Email, now());
        let mut row = Row::new(uuid::Uuid::now_v7(), UserId(7), kind, channel, message, start);
        let mut after = |attempts, outcome, reached, time: TimeDelta| {
            row.attempts = attempts;
            let setback = plan.setback(&row, outcome, reached, start + time).expect("not sent");
            (setback.status, setback.attempts, setback.due_at - start - time)
        };
        let (queued, failed) = (NotificationStatus::Queued, NotificationStatus::Failed);
        let (none, hour) = (TimeDelta::zero(), TimeDelta::hours(1));
        let refused = || Outcome::Refused("550".into());
        assert_eq!(after(0, refused(), true, none), (queued, 1, TimeDelta::seconds(30)));
        assert_eq!(after(1, refused(), true, hour), (queued, 2, TimeDelta::minutes(2)));
        assert_eq!(after(2, refused(), true, hour), (failed, 3, none));
        assert_eq!(after(0, Outcome::Hopeless("no address".into()), true, none), (failed, 1, none));

        let unreachable = |hung| Outcome::Unreachable { reason: "nobody".into(), hung };
        for hung in [false, true] {
            assert_eq!(after(2, unreachable(hung), false, hour), (queued, 2, none));
            assert_eq!(after(0, unreachable(hung), false, TimeDelta::hours(72)), (failed, 0, none));
        }
        // others were answered meanwhile
        assert_eq!(after(0, unreachable(false), true, hour), (queued, 0, TimeDelta::seconds(1)));
        assert_eq!(after(0, unreachable(true), true, hour), (queued, 1, TimeDelta::seconds(30)));
        assert_eq!(after(2, unreachable(true), true, hour), (failed, 3, none));
    }
}
