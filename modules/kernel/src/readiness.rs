//! Whether a process can do its work.

use crate::Health;
use futures_util::future::join_all;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How old a report may be, and how long a check may take.
const SECOND: Duration = Duration::from_secs(1);

/// Whether a process can do its work. Cheap to clone.
#[derive(Clone)]
pub struct Readiness(Arc<Checks>);

struct Checks {
    needed: Vec<Arc<dyn Health>>,
    /// Held during a check: concurrent callers get the same report.
    last: Mutex<Option<(Instant, Report)>>,
}

/// The result of all checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `ready`, or `not ready`.
    pub status: &'static str,
    /// Every dependency by its name: `ok`, or the reason why not.
    pub checks: BTreeMap<String, String>,
}

impl Readiness {
    /// The readiness of a process that needs all of these.
    pub fn new(needed: Vec<Arc<dyn Health>>) -> Self {
        Self(Arc::new(Checks { needed, last: Mutex::default() }))
    }

    /// Checks everything in parallel, unless that was done within the last second.
    pub async fn report(&self) -> Report {
        let mut last = self.0.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < SECOND
        {
            return report.clone();
        }
        let pending = self.0.needed.iter().map(|needed| async {
            let word = match tokio::time::timeout(SECOND, needed.check()).await {
                Ok(Ok(())) => "ok".to_owned(),
                Ok(Err(fault)) => fault.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            (needed.name().to_owned(), word)
        });
        let checks: BTreeMap<String, String> = join_all(pending).await.into_iter().collect();
        let status = if checks.values().all(|word| word == "ok") { "ready" } else { "not ready" };
        let report = Report { status, checks };
        *last = Some((Instant::now(), report.clone()));
        report
    }
}
