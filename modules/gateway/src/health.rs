//! `GET /health`: whether every module has a working instance.
//!
//! Modules are checked in the background, so that clients neither wait for checks nor cause them.

use actix_web::{HttpResponse, http::StatusCode, web};
use futures_util::future::join_all;
use kernel::{Instances, jobs::Jobs};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use utoipa::ToSchema;

/// Time-out of the check of an instance.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// State of the shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct HealthReport {
    /// `healthy` when every module is, otherwise `degraded`.
    #[schema(example = "healthy")]
    status: String,
    /// Name of the service: always `api-gateway`.
    #[schema(example = "api-gateway")]
    service: String,
    /// State of every module, by name.
    services: BTreeMap<String, ServiceHealth>,
}

/// State of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ServiceHealth {
    /// Number of working instances.
    #[schema(example = 1)]
    healthy_instances: usize,
    /// Number of all instances.
    #[schema(example = 1)]
    total_instances: usize,
    /// `healthy` when at least one instance works, otherwise `unhealthy`.
    #[schema(example = "healthy")]
    status: String,
}

/// The last report; `None` before the first one.
#[derive(Clone)]
pub(crate) struct Watch(watch::Receiver<Option<(StatusCode, web::Bytes)>>);

impl Watch {
    /// Checks `modules` now and then every `period`, and every second while one is unhealthy.
    pub(crate) fn start(modules: Vec<(&'static str, Instances)>, period: Duration, jobs: &Jobs) -> Self {
        /// Time after a start in which unhealthy modules are not reported.
        const STARTUP: Duration = Duration::from_secs(3);
        let (sender, receiver) = watch::channel(None);
        let (modules, sender): (Arc<[_]>, _) = (modules.into(), Arc::new(sender));
        let stop = jobs.stopping().clone();
        jobs.keep("gateway.health", move |beat| {
            let (modules, sender, stop) = (modules.clone(), sender.clone(), stop.clone());
            async move {
                let started = Instant::now();
                let work = async {
                    loop {
                        let report = check(&modules).await;
                        beat.succeeded();
                        let (is_healthy, is_starting) = (report.is_healthy(), started.elapsed() < STARTUP);
                        if is_healthy || !is_starting {
                            sender.send_replace(Some(encode(&report)));
                        }
                        let wait = match (is_healthy, is_starting) {
                            // a longer wait would look like a dead job
                            (true, _) => period.min(Duration::from_secs(30)),
                            (false, true) => Duration::from_millis(100),
                            (false, false) => Duration::from_secs(1),
                        };
                        tokio::time::sleep(wait).await;
                    }
                };
                stop.run_until_cancelled(work).await.unwrap_or(())
            }
        });
        Self(receiver)
    }

    pub(crate) async fn answer(self) -> HttpResponse {
        let mut reports = self.0;
        // only requests before the first report wait
        let last = match tokio::time::timeout(2 * CHECK_TIMEOUT, reports.wait_for(Option::is_some)).await {
            Ok(Ok(last)) => last.clone(),
            _ => None,
        };
        match last {
            Some((status, body)) => HttpResponse::build(status).content_type("application/json").body(body),
            None => HttpResponse::ServiceUnavailable()
                .json(serde_json::json!({"status": "unhealthy", "error": "The modules have not been checked yet"})),
        }
    }
}

async fn check(modules: &[(&'static str, Instances)]) -> HealthReport {
    let services = join_all(modules.iter().map(async |(name, instances)| {
        let (healthy_instances, total_instances) = count(instances).await;
        let status = if healthy_instances > 0 { "healthy" } else { "unhealthy" }.into();
        ((*name).to_owned(), ServiceHealth { healthy_instances, total_instances, status })
    }));
    let services: BTreeMap<_, _> = services.await.into_iter().collect();
    let all = services.values().all(|service| service.healthy_instances > 0);
    HealthReport { status: if all { "healthy" } else { "degraded" }.into(), service: "api-gateway".into(), services }
}

async fn count(instances: &Instances) -> (usize, usize) {
    match instances {
        // a transport has a time-out for each of its peers
        Instances::At(_) => instances.count().await,
        Instances::Local(_) => tokio::time::timeout(CHECK_TIMEOUT, instances.count()).await.unwrap_or((0, 1)),
    }
}

impl HealthReport {
    fn is_healthy(&self) -> bool {
        self.status == "healthy"
    }
}

fn encode(report: &HealthReport) -> (StatusCode, web::Bytes) {
    let status = if report.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, serde_json::to_vec(report).unwrap_or_default().into())
}
