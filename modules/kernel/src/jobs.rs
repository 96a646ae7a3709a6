//! Work in the background.
//!
//! Every job has a name, such as `order.expire`, and is supervised: a run that panics or hangs is ended, counted and tried again
//! after a pause that grows; a run that fails does not end the job. The state of each job is in the metrics, in the readiness of
//! the process and on its operations listener. At the end of the process jobs finish the work that they have begun
//! ([`Jobs::end`]).

use crate::{
    BoxFuture, Fault, Health, Trace,
    future::panic_text,
    log::log_seldom,
    trace::{self, Begun, Kind},
};
use backon::BackoffBuilder;
use futures_util::FutureExt;
use serde::Serialize;
use std::{
    fmt::Display,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};
pub use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

/// How long one run may take, and how long a loop may be silent. Work that needs longer is done in batches.
const LIMIT: Duration = Duration::from_secs(60);

/// The background work of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Inner>);

#[derive(Default)]
struct Inner {
    drain: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
    jobs: Mutex<Vec<Arc<Job>>>,
}

/// The state of a job, for operators.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobReport {
    /// Its name, e.g. `order.expire`.
    pub job: String,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that answered a fault; they are tried again.
    pub failed: u64,
    /// Runs that panicked or took too long.
    pub broken: u64,
    /// Seconds since a run last succeeded or, before the first, since it was started.
    pub age_seconds: f64,
    /// Whether it has been silent for too long, or has to be done once and is not done yet.
    pub is_stalled: bool,
}

struct Job {
    name: String,
    /// How long it may be silent.
    patience: Duration,
    state: Mutex<State>,
}

struct State {
    succeeded: u64,
    failed: u64,
    broken: u64,
    /// When it last succeeded.
    good: Instant,
    /// When a run last ended, with whatever outcome.
    seen: Instant,
    has_ended: bool,
}

/// The heartbeat of a loop that [`Jobs::keep`] supervises.
#[derive(Clone)]
pub struct Beat(Arc<Job>);

impl Beat {
    /// A round has succeeded.
    pub fn succeeded(&self) {
        self.0.count("ok");
    }

    /// A round has failed; its fault has been logged where it was made.
    pub fn failed(&self) {
        self.0.count("failed");
    }
}

impl Job {
    fn count(&self, outcome: &'static str) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            "ok" => {
                (state.good, state.seen, state.succeeded) = (now, now, state.succeeded + 1);
                let time = crate::now().timestamp() as f64;
                metrics::gauge!("souk_job_last_success_timestamp_seconds", "name" => self.name.clone()).set(time);
            }
            "failed" => (state.seen, state.failed) = (now, state.failed + 1),
            _ => state.broken += 1,
        }
        drop(state);
        metrics::counter!("souk_job_runs_total", "name" => self.name.clone(), "outcome" => outcome).increment(1);
    }

    fn report(&self) -> JobReport {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        JobReport {
            job: self.name.clone(),
            succeeded: state.succeeded,
            failed: state.failed,
            broken: state.broken,
            age_seconds: state.good.elapsed().as_secs_f64(),
            is_stalled: !state.has_ended && state.seen.elapsed() > self.patience,
        }
    }

    fn has_ended(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_ended
    }

    fn silent_for(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).seen.elapsed()
    }
}

impl Jobs {
    /// Begins the end of the process: it is not ready any more, and connections are closed as they are answered.
    pub fn drain(&self) {
        self.0.drain.cancel();
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.0.drain.is_cancelled()
    }

    /// Is cancelled when jobs are to end.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Runs `work` every `period`, and at once; runs do not overlap. A fault has been logged where it was made: the next run
    /// tries again. One run may take a minute.
    pub fn every<F, Fut>(&self, name: impl Into<String>, period: Duration, mut work: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Fault>> + Send,
    {
        let job = self.add(name.into(), 2 * (period + LIMIT));
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut pauses = pauses();
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let begun = begin(&job.name);
                let run = AssertUnwindSafe(async { begun.run(work()).await }).catch_unwind();
                match tokio::time::timeout(LIMIT, run).await {
                    Ok(Ok(Ok(()))) => {
                        pauses = self::pauses();
                        job.count("ok");
                    }
                    Ok(Ok(Err(_))) => job.count("failed"),
                    broken => {
                        broke(&job, broken.map_or_else(|_| "took too long".into(), |panic| panicked(panic.map(drop))));
                        if stop.run_until_cancelled(tokio::time::sleep(pauses.next().unwrap_or(LIMIT))).await.is_none() {
                            return;
                        }
                    }
                }
            }
        });
    }

    /// Keeps a loop running until jobs are to end: `work` is called again when it ends before that, panics, or gives no [`Beat`]
    /// for a minute. It checks [`Jobs::stopping`] itself, to finish the work that it has begun.
    pub fn keep<F, Fut>(&self, name: impl Into<String>, mut work: F)
    where
        F: FnMut(Beat) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let job = self.add(name.into(), 2 * LIMIT);
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move {
            let mut pauses = pauses();
            loop {
                let started = Instant::now();
                job.state.lock().unwrap_or_else(PoisonError::into_inner).seen = started;
                let why = tokio::select! {
                    ended = AssertUnwindSafe(async { work(Beat(job.clone())).await }).catch_unwind() => panicked(ended),
                    () = silence(&job) => "was silent for too long".into(),
                };
                if stop.is_cancelled() {
                    return;
                }
                broke(&job, why);
                if started.elapsed() > LIMIT {
                    pauses = self::pauses();
                }
                if stop.run_until_cancelled(tokio::time::sleep(pauses.next().unwrap_or(LIMIT))).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Runs work that has to succeed once before the process is ready, again and again until it does, with pauses from 100 ms to
    /// 5 s.
    pub fn once<F, Fut, E>(&self, name: impl Into<String>, mut work: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send,
        E: Display + Send,
    {
        let job = self.add(name.into(), Duration::ZERO);
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(async move {
            let pauses = backon::ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
            let mut pauses = pauses.with_max_delay(Duration::from_secs(5)).without_max_times().build();
            loop {
                let Some(done) = stop.run_until_cancelled(AssertUnwindSafe(async { work().await }).catch_unwind()).await else {
                    return;
                };
                match done {
                    Ok(Ok(())) => {
                        job.count("ok");
                        job.state.lock().unwrap_or_else(PoisonError::into_inner).has_ended = true;
                        return;
                    }
                    Ok(Err(e)) => {
                        job.count("failed");
                        log_seldom(&job.name, |again| {
                            tracing::warn!(job = job.name, again, error = %e, "not done yet; trying again");
                        });
                    }
                    Err(panic) => broke(&job, panicked(Err(panic))),
                }
                if stop.run_until_cancelled(tokio::time::sleep(pauses.next().unwrap_or(LIMIT))).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Starts a task that the end of the process waits for. It belongs to the trace of its caller.
    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.tasks.spawn(work.in_current_span())
    }

    /// Ends all jobs, and waits until they have finished the work that they had begun, but not longer than `patience`; `false`
    /// when some had not.
    pub async fn end(&self, patience: Duration) -> bool {
        self.0.stop.cancel();
        self.0.tasks.close();
        tokio::time::timeout(patience, self.0.tasks.wait()).await.is_ok()
    }

    /// The state of each job.
    pub fn report(&self) -> Vec<JobReport> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|job| job.report()).collect()
    }

    /// Sets the ages of all jobs in the metrics, and the ages that are too high. Work that is done once has no age when it is done.
    pub fn measure(&self) {
        for job in self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let age = if job.has_ended() { 0.0 } else { job.report().age_seconds };
            metrics::gauge!("souk_job_age_seconds", "name" => job.name.clone()).set(age);
            metrics::gauge!("souk_job_patience_seconds", "name" => job.name.clone()).set(job.patience.as_secs_f64());
        }
    }

    fn add(&self, name: String, patience: Duration) -> Arc<Job> {
        let now = Instant::now();
        let state = State { succeeded: 0, failed: 0, broken: 0, good: now, seen: now, has_ended: false };
        let job = Arc::new(Job { name, patience, state: Mutex::new(state) });
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(job.clone());
        job
    }
}

/// A process that is about to end, or whose background work stands still, is not ready.
impl Health for Jobs {
    fn name(&self) -> &str {
        "jobs"
    }

    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        let stalled: Vec<String> = self.report().into_iter().filter(|job| job.is_stalled).map(|job| job.job).collect();
        let result = if self.is_draining() {
            Err(Fault::away("stopping"))
        } else if stalled.is_empty() {
            Ok(())
        } else {
            Err(Fault::away(format!("not done: {}", stalled.join(", "))))
        };
        Box::pin(std::future::ready(result))
    }
}

/// A run in a trace of its own. Runs that measure are not recorded: they would be most of all traces.
fn begin(job: &str) -> Begun {
    let log = |trace_id: &str| tracing::info_span!("job", trace_id = %trace_id, job);
    match job.ends_with("metrics") {
        true => Begun { trace: Trace::start(), log: Span::none(), recorded: Span::none() },
        false => trace::begin(None, Kind::Internal, job, log),
    }
}

/// The pauses after runs that broke: from a second to a minute.
fn pauses() -> backon::ExponentialBackoff {
    crate::pauses::pauses(Duration::from_secs(1), LIMIT)
}

async fn silence(job: &Job) {
    loop {
        let silent = job.silent_for();
        if silent >= LIMIT {
            return;
        }
        tokio::time::sleep(LIMIT - silent).await;
    }
}

fn broke(job: &Job, why: String) {
    job.count("broken");
    tracing::error!(job = job.name, why, "a job broke off; it is started again");
}

fn panicked(ended: Result<(), Box<dyn std::any::Any + Send>>) -> String {
    match ended {
        Ok(()) => "ended by itself".into(),
        Err(panic) => format!("panicked: {}", panic_text(&*panic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counter() -> (Arc<AtomicU32>, Arc<AtomicU32>) {
        let counter = Arc::new(AtomicU32::new(0));
        (counter.clone(), counter)
    }

    fn only(jobs: &Jobs) -> JobReport {
        jobs.report().remove(0)
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_fails_or_hangs_runs_again() {
        let (runs, seen) = counter();
        let jobs = Jobs::default();
        jobs.every("test.job", Duration::from_secs(1), move || {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move {
                match run {
                    0 => panic!("on purpose"),
                    1 => std::future::pending().await,
                    2 => Err(Fault::internal("on purpose")),
                    _ => Ok(()),
                }
            }
        });
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(seen.load(Ordering::Relaxed) > 10, "it runs again after each of them");
        let report = only(&jobs);
        assert_eq!((report.failed, report.broken, report.is_stalled), (1, 2, false), "{report:?}");
        assert!(report.succeeded > 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_whose_runs_never_end_makes_the_process_not_ready() {
        let jobs = Jobs::default();
        jobs.every("test.job", Duration::from_secs(1), async || std::future::pending().await);
        jobs.check().await.expect("it has only begun");
        tokio::time::sleep(Duration::from_secs(300)).await;
        let why = jobs.check().await.expect_err("it stands still").to_string();
        assert!(why.contains("test.job"), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_falls_silent_is_started_again() {
        let (starts, seen) = counter();
        let jobs = Jobs::default();
        jobs.keep("test.loop", move |beat| {
            starts.fetch_add(1, Ordering::Relaxed);
            async move {
                beat.succeeded();
                std::future::pending::<()>().await;
            }
        });
        tokio::time::sleep(Duration::from_secs(400)).await;
        assert!(seen.load(Ordering::Relaxed) >= 3);
        assert!(only(&jobs).broken >= 2);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_must_succeed_once_is_tried_until_it_does() {
        let (runs, seen) = counter();
        let jobs = Jobs::default();
        jobs.once("test.once", move || {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move { if run < 5 { Err("not yet") } else { Ok(()) } }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(seen.load(Ordering::Relaxed), 6);
        jobs.check().await.expect("done is not stalled");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_runs_that_have_begun_but_not_without_bound() {
        let (ends, seen) = counter();
        let jobs = Jobs::default();
        jobs.every("test.slow", Duration::from_secs(1), move || {
            let ends = ends.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                ends.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!jobs.end(Duration::from_secs(1)).await);
        assert_eq!(seen.load(Ordering::Relaxed), 0);
        assert!(jobs.end(Duration::from_secs(30)).await);
        assert_eq!(seen.load(Ordering::Relaxed), 1, "the run ended, and no other began");
    }
}
