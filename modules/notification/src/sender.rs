//! Sends what is queued: one worker for each channel.
//!
//! A worker takes notifications that are due by moving their `due_at` into the future, which is how several instances share the
//! work. It has a window of attempts, each of which is settled as it ends: a slow one holds up none of the others.
//!
//! That something was sent is noted as soon as it is known. What may have been sent, because no answer came or because the process
//! died, uses up an attempt: nothing is sent more often than there are attempts. All of them have the same Message-ID.
//!
//! When nobody can be reached, that is not the message's fault and takes none of its attempts: the worker knocks with one message
//! after the other, less and less often, and goes on where it was as soon as it is let in.

use crate::{
    Config, NotificationChannel, NotificationStatus,
    mail::Mailer,
    outcome::Outcome,
    sms::{self, SmsProvider},
    store::{Row, Setback, Store},
};
use kernel::{
    Fault,
    chrono::{DateTime, TimeDelta, Utc},
    jobs::{Beat, CancellationToken, Jobs},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
};

/// How often a worker looks by itself.
const PERIOD: Duration = Duration::from_secs(1);
/// The pauses between knocks while nobody can be reached: each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a worker gives a sign of life while there is nothing to do but to wait.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How long noting the end of an attempt is tried, beyond the longest attempt.
const NOTING: Duration = Duration::from_secs(10);

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
pub(crate) enum Provider {
    Mail(Mailer),
    Sms(Arc<dyn SmsProvider>),
}

impl Provider {
    fn channel(&self) -> NotificationChannel {
        match self {
            Self::Mail(_) => NotificationChannel::Email,
            Self::Sms(_) => NotificationChannel::Sms,
        }
    }

    fn longest_attempt(&self) -> Duration {
        match self {
            Self::Mail(mailer) => mailer.longest_attempt(),
            Self::Sms(provider) => provider.longest_attempt(),
        }
    }
}

/// The worker of a channel.
#[derive(Clone)]
pub(crate) struct Sender {
    store: Store,
    provider: Provider,
    at_once: usize,
    /// Longer than any attempt and the note of how it ended. What a dead process had is due after that.
    lease: Duration,
    plan: Plan,
    answers: Answers,
    stop: CancellationToken,
}

/// How long is tried.
#[derive(Debug, Clone)]
struct Plan {
    /// The waits after attempts that failed.
    waits: Arc<[TimeDelta]>,
    /// When to give up while nobody can be reached.
    give_up: TimeDelta,
}

/// When somebody answered last.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Option<Instant>>>);

impl Answers {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn came_since(&self, start: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|last| last >= start)
    }
}

/// A notification that was taken to be sent.
struct Claim {
    row: Row,
    /// When, by the clock of the store, and by ours.
    at: DateTime<Utc>,
    since: Instant,
}

impl Claim {
    /// Now, by the clock of the store.
    fn now(&self) -> DateTime<Utc> {
        self.at + delta(self.since.elapsed())
    }
}

/// What an attempt says about the provider.
enum Ended {
    /// Somebody answered.
    Answered,
    /// Nobody did, to this or to another meanwhile.
    Unanswered,
    /// Nothing.
    Unknown,
}

/// When a worker looks at the queue next, and for how many.
struct Rhythm {
    look_at: Instant,
    /// While nobody can be reached.
    pause: Option<Duration>,
}

impl Sender {
    pub(crate) fn new(config: &Config, store: Store, provider: Provider, stop: CancellationToken) -> Self {
        let millis = |ms: &u64| delta(Duration::from_millis(*ms));
        Self {
            store,
            at_once: config.sends_at_once as usize,
            lease: provider.longest_attempt() + NOTING,
            provider,
            plan: Plan {
                waits: config.retry_ms.iter().map(millis).collect(),
                give_up: TimeDelta::hours(config.give_up_hours.into()),
            },
            answers: Answers::default(),
            stop,
        }
    }

    /// Works until the end of the `jobs`; what has begun is finished first.
    pub(crate) fn start(self, wake: Wake, jobs: &Jobs) {
        jobs.keep(format!("notification.{}", self.provider.channel()), move |beat| {
            let (this, wake) = (self.clone(), wake.clone());
            async move { this.work(wake.of(this.provider.channel()), &beat).await }
        });
    }

    async fn work(&self, wake: &Notify, beat: &Beat) {
        let mut window = JoinSet::new();
        let mut rhythm = Rhythm { look_at: Instant::now(), pause: None };
        while !self.stop.is_cancelled() {
            let free = self.at_once - window.len();
            let is_time = free > 0 && Instant::now() >= rhythm.look_at;
            let looked = if is_time { self.look(free, &mut window, &mut rhythm).await } else { Ok(()) };
            if looked.is_ok() {
                beat.succeeded();
            } else {
                // the store's fault was logged where it was made
                rhythm.look_at = Instant::now() + PERIOD;
                beat.failed();
            }
            let is_full = window.len() == self.at_once;
            let idle = if is_full { SIGN_OF_LIFE } else { rhythm.look_at.saturating_duration_since(Instant::now()) };
            tokio::select! {
                Some(ended) = window.join_next() => {
                    rhythm.ended(ended);
                    while let Some(ended) = window.try_join_next() {
                        rhythm.ended(ended);
                    }
                }
                () = wake.notified(), if !is_full && rhythm.pause.is_none() => rhythm.look_at = Instant::now(),
                () = tokio::time::sleep(idle.min(SIGN_OF_LIFE)) => {}
                () = self.stop.cancelled() => {}
            }
        }
        while !window.is_empty() {
            drop(tokio::time::timeout(SIGN_OF_LIFE, window.join_next()).await);
            beat.succeeded();
        }
    }

    /// Takes what is due, and begins to send it.
    async fn look(&self, free: usize, window: &mut JoinSet<Ended>, rhythm: &mut Rhythm) -> Result<(), Fault> {
        // one message is enough to knock with
        let limit = if rhythm.pause.is_some() { 1 } else { free };
        let (since, lease) = (Instant::now(), delta(self.lease));
        let rows = self.store.claim(self.provider.channel(), lease, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        rhythm.looked(limit, rows.len());
        for row in rows {
            let (this, claim) = (self.clone(), Claim { at: row.due_at - lease, since, row });
            window.spawn(async move { this.attempt(claim).await });
        }
        Ok(())
    }

    async fn attempt(&self, claim: Claim) -> Ended {
        let started = Instant::now();
        let outcome = self.outcome(&claim.row).await;
        if outcome.is_answer() {
            self.answers.note();
        }
        let others_were_answered = self.answers.came_since(started);
        let ended = match &outcome {
            Outcome::NotYet(_) | Outcome::Postponed(_) | Outcome::Impossible(_) => Ended::Unknown,
            outcome if outcome.is_answer() => Ended::Answered,
            _ if others_were_answered => Ended::Unknown,
            _ => Ended::Unanswered,
        };
        self.settle(&claim, outcome, others_were_answered).await;
        ended
    }

    async fn outcome(&self, row: &Row) -> Outcome {
        if lost(row) > 0 && row.attempts + lost(row) > self.plan.most_waits() {
            return Outcome::Impossible(
                "It may have been sent: the process ended before the end of the last attempt was noted".into(),
            );
        }
        let contact = match self.store.contact(row.user_id).await {
            Ok(contact) => contact,
            // its fault was logged where it was made
            Err(_) => return Outcome::Postponed("The address of the user could not be looked up".into()),
        };
        match &self.provider {
            Provider::Mail(mailer) => mailer.send(row, contact.as_ref()).await,
            Provider::Sms(provider) => sms::send(&**provider, row, contact.as_ref()).await,
        }
    }

    /// Notes how an attempt ended. What is not noted before the lease ends counts as an attempt whose end nobody knows.
    async fn settle(&self, claim: &Claim, outcome: Outcome, others_were_answered: bool) {
        /// Between two attempts to note it.
        const PAUSE: Duration = Duration::from_millis(250);
        let row = &claim.row;
        let name = outcome.name();
        let setback = self.plan.setback(row, &outcome, others_were_answered, claim.now());
        self.count(if setback.as_ref().is_some_and(|s| s.status == NotificationStatus::Failed) { "failed" } else { name });
        if let Some(Setback { status: NotificationStatus::Failed, reason, .. }) = &setback {
            tracing::warn!(notification = %row.id, kind = %row.kind, channel = %row.channel, reason, "notification failed");
        }
        let (at, mut is_last) = (claim.now(), false);
        loop {
            let noted = match (&outcome, &setback) {
                (Outcome::Sent { to }, _) => self.store.sent(row.id, to, at).await,
                (_, Some(setback)) => self.store.set_back(row, setback).await,
                (_, None) => return,
            };
            if noted.is_ok() || is_last || claim.since.elapsed() + PAUSE >= self.lease {
                return;
            }
            // at the end of the jobs it is tried once more
            is_last = self.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none();
        }
    }

    fn count(&self, outcome: &'static str) {
        let channel = self.provider.channel().as_str();
        metrics::counter!("souk_notifications_total", "channel" => channel, "outcome" => outcome).increment(1);
    }
}

impl Rhythm {
    /// After a look that found so many of at most `limit`.
    fn looked(&mut self, limit: usize, found: usize) {
        let wait = match &mut self.pause {
            Some(pause) if found > 0 => {
                *pause = (*pause * 2).min(LONGEST_PAUSE);
                *pause
            }
            None if found == limit => Duration::ZERO,
            _ => PERIOD,
        };
        self.look_at = Instant::now() + wait;
    }

    /// After an attempt.
    fn ended(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended::Answered) if self.pause.take().is_some() => self.look_at = Instant::now(),
            Ok(Ended::Unanswered) if self.pause.is_none() => {
                self.pause = Some(FIRST_PAUSE);
                self.look_at = Instant::now() + FIRST_PAUSE;
            }
            // an attempt that panicked counts when its lease ends
            _ => {}
        }
    }
}

impl Plan {
    fn most_waits(&self) -> u32 {
        u32::try_from(self.waits.len()).unwrap_or(u32::MAX)
    }

    /// What is to be noted about an attempt that did not succeed. `others_were_answered`: while it was made.
    fn setback(&self, row: &Row, outcome: &Outcome, others_were_answered: bool, now: DateTime<Utc>) -> Option<Setback> {
        let so_far = row.attempts + lost(row);
        let (reason, attempts, wait) = match outcome {
            Outcome::Sent { .. } => return None,
            Outcome::Impossible(reason) => (reason, so_far, None),
            Outcome::Refused { reason, is_final: true } => (reason, so_far + 1, None),
            Outcome::Refused { reason, .. } | Outcome::MaybeSent(reason) | Outcome::NotYet(reason) => {
                (reason, so_far + 1, self.wait(so_far))
            }
            Outcome::Postponed(reason) => (reason, so_far, Some(TimeDelta::seconds(1))),
            // others got through, so that it may well be the message
            Outcome::Unreachable { reason, hung: true } if others_were_answered => (reason, so_far + 1, self.wait(so_far)),
            Outcome::Unreachable { reason, .. } if now - row.queued_at >= self.give_up => (reason, so_far, None),
            // one too many at once; it has not much to wait for
            Outcome::Unreachable { reason, .. } if others_were_answered => (reason, so_far, Some(TimeDelta::seconds(1))),
            // behind all the others, so that the next one to knock with is another one
            Outcome::Unreachable { reason, .. } => (reason, so_far, Some(TimeDelta::zero())),
        };
        let status = if wait.is_some() { NotificationStatus::Queued } else { NotificationStatus::Failed };
        Some(Setback { status, attempts, due_at: now + wait.unwrap_or_default(), reason: reason.clone() })
    }

    /// The wait after the attempt number `failed`, from 0; none when it was the last one.
    fn wait(&self, failed: u32) -> Option<TimeDelta> {
        self.waits.get(failed as usize).copied()
    }
}

/// Attempts whose end nobody noted: each may have sent it.
fn lost(row: &Row) -> u32 {
    row.claims.saturating_sub(1)
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 1_000_000))
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
        let (kind, channel, start) = (NotificationKind::OrderPaid, NotificationChannel::Email, crate::store::now());
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

    #[test]
    fn an_attempt_that_nobody_noted_counts() {
        let plan = Plan { waits: [TimeDelta::seconds(30), TimeDelta::minutes(2)].into(), give_up: TimeDelta::hours(72) };
        let message = Message { locale: "en".into(), subject: "S".into(), text: "T".into(), html: None };
        let (kind, channel, start) = (NotificationKind::OrderPaid, NotificationChannel::Email, crate::store::now());
        let mut row = Row::new(uuid::Uuid::now_v7(), UserId(7), kind, channel, message, start);
        row.claims = 2;
        let setback = plan.setback(&row, &Outcome::MaybeSent("broken".into()), false, start).expect("not sent");
        assert_eq!((setback.attempts, setback.due_at - start), (2, TimeDelta::minutes(2)));
        row.claims = 3;
        let setback = plan.setback(&row, &Outcome::MaybeSent("broken".into()), false, start).expect("not sent");
        assert_eq!((setback.status, setback.attempts), (NotificationStatus::Failed, 3));
    }
}
