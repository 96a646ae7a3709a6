//! Sends queued notifications: one worker for each channel.
//!
//! A worker claims due notifications by moving their `due_at` into the future: this lease is how several instances share the
//! work. It runs several attempts at a time and settles each one as it ends, so that a slow attempt delays no other.
//!
//! An outcome is recorded as soon as it is known. A message that may have been sent, because no answer came or the process died,
//! uses an attempt: no message is sent more often than there are attempts. All attempts have the same Message-ID.
//!
//! An unreachable provider uses no attempts. The worker probes it with one message at a time, at growing intervals, and continues
//! as soon as an answer comes.

use crate::{
    NotificationChannel, NotificationStatus,
    config::Config,
    mail::Mailer,
    outcome::Outcome,
    retry::{RetryPolicy, delta},
    sms::{self, SmsProvider},
    store::Store,
    store::stored::{Row, Setback},
    wake::Wake,
};
use kernel::{
    Fault,
    chrono::{DateTime, Utc},
    jobs::{Beat, CancellationToken, Jobs},
    trace::{self, Kind},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
};
use tracing::Span;

/// The interval at which a worker looks for due notifications without being woken.
const PERIOD: Duration = Duration::from_secs(1);
/// The pauses between probes of an unreachable provider: each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The interval of heartbeats while a worker waits.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// The longest time to record an outcome, beyond the longest attempt.
const RECORDING: Duration = Duration::from_secs(10);

/// The provider of a channel.
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
    /// Longer than the longest attempt and the recording of its outcome. The claims of a dead process are due after that.
    lease: Duration,
    retry: RetryPolicy,
    answers: Answers,
    stop: CancellationToken,
}

/// The time of the provider's last answer.
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

/// A claimed notification.
struct Claim {
    row: Row,
    /// Time of the claim, by the clock of the store and by the local one.
    at: DateTime<Utc>,
    since: Instant,
}

impl Claim {
    /// The current time by the clock of the store.
    fn now(&self) -> DateTime<Utc> {
        self.at + delta(self.since.elapsed())
    }
}

/// The meaning of an attempt for the state of the provider.
enum Reachability {
    /// The provider answered.
    Answered,
    /// The provider answered neither this attempt nor another one meanwhile.
    Unanswered,
    /// Not known.
    Unknown,
}

/// When a worker next looks for due notifications.
struct Rhythm {
    look_at: Instant,
    /// The pause between probes, while the provider cannot be reached.
    pause: Option<Duration>,
}

impl Sender {
    pub(crate) fn new(config: &Config, store: Store, provider: Provider, stop: CancellationToken) -> Self {
        Self {
            store,
            at_once: config.sends_at_once as usize,
            lease: provider.longest_attempt() + RECORDING,
            provider,
            retry: RetryPolicy::new(config),
            answers: Answers::default(),
            stop,
        }
    }

    /// Runs the worker until the `jobs` stop, and then finishes the running attempts.
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
                // the store has logged its fault
                rhythm.look_at = Instant::now() + PERIOD;
                beat.failed();
            }
            let is_full = window.len() == self.at_once;
            let idle = if is_full { HEARTBEAT } else { rhythm.look_at.saturating_duration_since(Instant::now()) };
            tokio::select! {
                Some(ended) = window.join_next() => {
                    rhythm.ended(ended);
                    while let Some(ended) = window.try_join_next() {
                        rhythm.ended(ended);
                    }
                }
                () = wake.notified(), if !is_full && rhythm.pause.is_none() => rhythm.look_at = Instant::now(),
                () = tokio::time::sleep(idle.min(HEARTBEAT)) => {}
                () = self.stop.cancelled() => {}
            }
        }
        while !window.is_empty() {
            drop(tokio::time::timeout(HEARTBEAT, window.join_next()).await);
            beat.succeeded();
        }
    }

    /// Claims due notifications and starts their attempts.
    async fn look(&self, free: usize, window: &mut JoinSet<Reachability>, rhythm: &mut Rhythm) -> Result<(), Fault> {
        // one message is enough to probe
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

    async fn attempt(&self, claim: Claim) -> Reachability {
        let row = &claim.row;
        let log =
            |trace_id: &str| tracing::info_span!("notification", trace_id = %trace_id, id = %row.id, channel = %row.channel);
        let begun = trace::begin(row.trace, Kind::Client, format_args!("send {} {}", row.channel, row.kind), log);
        begun.run(self.try_once(&claim, &begun.recorded)).await
    }

    async fn try_once(&self, claim: &Claim, span: &Span) -> Reachability {
        let started = Instant::now();
        let outcome = self.outcome(&claim.row).await;
        if !matches!(outcome, Outcome::Sent { .. } | Outcome::NotYet(_) | Outcome::Postponed(_)) {
            trace::fail(span, outcome.name());
        }
        if outcome.is_answer() {
            self.answers.note();
        }
        let others_were_answered = self.answers.came_since(started);
        let ended = match &outcome {
            Outcome::NotYet(_) | Outcome::Postponed(_) | Outcome::Impossible(_) => Reachability::Unknown,
            outcome if outcome.is_answer() => Reachability::Answered,
            _ if others_were_answered => Reachability::Unknown,
            _ => Reachability::Unanswered,
        };
        self.settle(claim, outcome, others_were_answered).await;
        ended
    }

    async fn outcome(&self, row: &Row) -> Outcome {
        if self.retry.is_exhausted(row) {
            return Outcome::Impossible(
                "It may have been sent: the process ended before the outcome of the last attempt was recorded".into(),
            );
        }
        let contact = match self.store.contact(row.user_id).await {
            Ok(contact) => contact,
            // the store has logged its fault
            Err(_) => return Outcome::Postponed("The address of the user could not be looked up".into()),
        };
        match &self.provider {
            Provider::Mail(mailer) => mailer.send(row, contact.as_ref()).await,
            Provider::Sms(provider) => sms::send(&**provider, row, contact.as_ref()).await,
        }
    }

    /// Records an outcome. An outcome that is not recorded before the end of the lease counts as an attempt without a known
    /// outcome.
    async fn settle(&self, claim: &Claim, outcome: Outcome, others_were_answered: bool) {
        /// Pause between two tries to record it.
        const PAUSE: Duration = Duration::from_millis(250);
        let row = &claim.row;
        let name = outcome.name();
        let setback = self.retry.setback(row, &outcome, others_were_answered, claim.now());
        self.count(if setback.as_ref().is_some_and(|s| s.status == NotificationStatus::Failed) { "failed" } else { name });
        if let Some(Setback { status: NotificationStatus::Failed, reason, .. }) = &setback {
            tracing::warn!(notification = %row.id, kind = %row.kind, channel = %row.channel, reason, "notification failed");
        }
        let (at, mut is_last) = (claim.now(), false);
        loop {
            let recorded = match (&outcome, &setback) {
                (Outcome::Sent { to }, _) => self.store.sent(row.id, to, at).await,
                (_, Some(setback)) => self.store.set_back(row, setback).await,
                (_, None) => return,
            };
            if recorded.is_ok() || is_last || claim.since.elapsed() + PAUSE >= self.lease {
                return;
            }
            // one more try when the jobs stop
            is_last = self.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none();
        }
    }

    fn count(&self, outcome: &'static str) {
        let channel = self.provider.channel().as_str();
        metrics::counter!("souk_notifications_total", "channel" => channel, "outcome" => outcome).increment(1);
    }
}

impl Rhythm {
    /// Sets the next look after one that found `found` of at most `limit` notifications.
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

    /// Updates the state of the provider after an attempt.
    fn ended(&mut self, ended: Result<Reachability, JoinError>) {
        match ended {
            Ok(Reachability::Answered) if self.pause.take().is_some() => self.look_at = Instant::now(),
            Ok(Reachability::Unanswered) if self.pause.is_none() => {
                self.pause = Some(FIRST_PAUSE);
                self.look_at = Instant::now() + FIRST_PAUSE;
            }
            // a panicked attempt counts at the end of its lease
            _ => {}
        }
    }
}
