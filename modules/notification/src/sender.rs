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
use kernel::{Fault, chrono::TimeDelta, jobs::CancellationToken};
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
    retry: Arc<[TimeDelta]>,
    give_up: TimeDelta,
    lease: TimeDelta,
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
            retry: config.retry_ms.iter().copied().map(millis).collect(),
            give_up: TimeDelta::hours(config.give_up_hours.into()),
            // longer than any attempt
            lease: millis(timeout_ms + 30_000),
        }
    }

    /// Works until `stop`; what has begun is finished first.
    pub(crate) fn start(self, wake: Wake, stop: CancellationToken) {
        tokio::spawn(async move {
            let mut pause = None::<Duration>;
            loop {
                // one message is enough to knock with
                let limit = if pause.is_some() { 1 } else { self.at_once };
                let wait = match self.round(limit).await {
                    Ok(Round::Busy) => {
                        pause = None;
                        continue_unless(&stop)
                    }
                    Ok(Round::Idle) => stop.run_until_cancelled(woken(wake.of(self.channel))).await,
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
            if let Some(setback) = self.setback(&row, outcome, reached) {
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

    /// What is to be noted about an attempt that did not succeed. `reached`: others were answered meanwhile.
    fn setback(&self, row: &Row, outcome: Outcome, reached: bool) -> Option<Setback> {
        let now = now();
        let (reason, attempts, wait) = match outcome {
            Outcome::Sent { .. } => return None,
            Outcome::Hopeless(reason) => (reason, row.attempts + 1, None),
            Outcome::Refused(reason) => (reason, row.attempts + 1, self.wait(row.attempts)),
            // others got through, so that it may well be the message
            Outcome::Unreachable { reason, hung: true } if reached => (reason, row.attempts + 1, self.wait(row.attempts)),
            Outcome::Unreachable { reason, .. } => {
                let is_old = now - row.queued_at >= self.give_up;
                // behind all the others; after a second if it was only one too many at once
                let wait = if reached { TimeDelta::seconds(1) } else { TimeDelta::zero() };
                let attempts = if is_old { row.attempts + 1 } else { row.attempts };
                (reason, attempts, (!is_old).then_some(wait))
            }
        };
        let Some(wait) = wait else {
            self.count("failed");
            tracing::warn!(notification = %row.id, kind = %row.kind, channel = %row.channel, reason, "notification failed");
            return Some(Setback { status: NotificationStatus::Failed, attempts, due_at: now, reason });
        };
        self.count(if attempts == row.attempts { "unreachable" } else { "refused" });
        Some(Setback { status: NotificationStatus::Queued, attempts, due_at: now + wait, reason })
    }

    /// The wait after the attempt number `failed`, from 0; none when it was the last one.
    fn wait(&self, failed: u32) -> Option<TimeDelta> {
        self.retry.get(failed as usize).copied()
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("souk_notifications_total", "channel" => self.channel.as_str(), "outcome" => outcome).increment(1);
    }
}

async fn woken(wake: &Notify) {
    // that nobody called is no reason not to look
    drop(tokio::time::timeout(PERIOD, wake.notified()).await);
}

fn continue_unless(stop: &CancellationToken) -> Option<()> {
    (!stop.is_cancelled()).then_some(())
}
