//! `GET /health`: whether every module has an instance that works.
//!
//! Modules are looked at in the background, so that no client waits for it and no number of clients makes more of it.

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

/// How long an instance may take to say that it works.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the shop is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct HealthReport {
    /// `healthy` when every module is, otherwise `degraded`.
    #[schema(example = "healthy")]
    status: String,
    /// Always `api-gateway`.
    #[schema(example = "api-gateway")]
    service: String,
    /// Every module by its name.
    services: BTreeMap<String, ServiceHealth>,
}

/// How a module is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ServiceHealth {
    /// Instances that work.
    #[schema(example = 1)]
    healthy_instances: usize,
    /// Instances in all.
    #[schema(example = 1)]
    total_instances: usize,
    /// `healthy` when at least one instance works, otherwise `unhealthy`.
    #[schema(example = "healthy")]
    status: String,
}

/// The last look at the modules; none before the first.
#[derive(Clone)]
pub(crate) struct Watch(watch::Receiver<Option<(StatusCode, web::Bytes)>>);

impl Watch {
    /// Looks at `modules` now and then every `period`, and every second while one is not well.
    pub(crate) fn start(modules: Vec<(&'static str, Instances)>, period: Duration, jobs: &Jobs) -> Self {
        /// How long a shop that has just started may take before it is said not to be well.
        const YOUTH: Duration = Duration::from_secs(3);
        let (tell, told) = watch::channel(None);
        let (modules, tell): (Arc<[_]>, _) = (modules.into(), Arc::new(tell));
        let stop = jobs.stopping().clone();
        jobs.keep("gateway.health", move |beat| {
            let (modules, tell, stop) = (modules.clone(), tell.clone(), stop.clone());
            async move {
                let started = Instant::now();
                let work = async {
                    loop {
                        let report = look(&modules).await;
                        beat.succeeded();
                        let (is_well, is_young) = (report.is_well(), started.elapsed() < YOUTH);
                        if is_well || !is_young {
                            tell.send_replace(Some(encode(&report)));
                        }
                        let wait = match (is_well, is_young) {
                            // a job that is silent for longer is taken for dead
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
        Self(told)
    }

    pub(crate) async fn answer(self) -> HttpResponse {
        let mut told = self.0;
        // only requests of the very first moment wait
        let last = match tokio::time::timeout(2 * PATIENCE, told.wait_for(Option::is_some)).await {
            Ok(Ok(last)) => last.clone(),
            _ => None,
        };
        match last {
            Some((status, body)) => HttpResponse::build(status).content_type("application/json").body(body),
            None => HttpResponse::ServiceUnavailable()
                .json(serde_json::json!({"status": "unhealthy", "error": "The modules have not been looked at yet"})),
        }
    }
}

async fn look(modules: &[(&'static str, Instances)]) -> HealthReport {
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
        // a transport gives up on each of its peers by itself
        Instances::At(_) => instances.count().await,
        Instances::Local(_) => tokio::time::timeout(PATIENCE, instances.count()).await.unwrap_or((0, 1)),
    }
}

impl HealthReport {
    fn is_well(&self) -> bool {
        self.status == "healthy"
    }
}

fn encode(report: &HealthReport) -> (StatusCode, web::Bytes) {
    let status = if report.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, serde_json::to_vec(report).unwrap_or_default().into())
}
