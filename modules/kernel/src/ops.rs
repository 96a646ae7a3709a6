//! The operations listener of a process: its state for operators and orchestrators, apart from the port that customers use.
//!
//! | path | what |
//! |---|---|
//! | `GET /livez` | 200 as long as the process runs; checks nothing |
//! | `GET /readyz` | 200 when the process can do its work, 503 otherwise, with the reasons |
//! | `GET /metrics` | metrics in the text format of Prometheus |
//! | `GET /jobs` | the state of each background job |
//! | `GET /peers` | the instances of modules that run elsewhere, and which of them are left alone |
//! | `GET /log`, `PUT /log` | the filter of the log: a level, or a list such as `info,order=debug` |

pub use crate::readiness::{Readiness, Report};

use crate::{
    Code, Fault, Health, Transport,
    jobs::Jobs,
    server::{Serving, Timeouts, front, listen, method_not_allowed, not_found, page, problem, reading, receive},
    telemetry::LogFilter,
};
use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::{Server, ServerHandle},
    http::header::ContentType,
    middleware::from_fn,
    web,
};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{collections::BTreeMap, io, net::TcpListener};

/// The content of the operations listener of a process.
#[derive(Clone)]
pub struct Ops {
    /// Whether it can do its work.
    pub readiness: Readiness,
    /// Its metrics.
    pub metrics: PrometheusHandle,
    /// Its work in the background.
    pub jobs: Jobs,
    /// The modules that run elsewhere.
    pub peers: Vec<(&'static str, Transport)>,
    /// The filter of its log; none when its log is not its own.
    pub log: Option<LogFilter>,
}

impl Ops {
    /// Serves it at `listener`, on a thread of the caller's runtime.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(self, listener: TcpListener, timeouts: Timeouts) -> io::Result<(Server, ServerHandle)> {
        let app =
            move || App::new().configure(|cfg| self.configure(cfg)).default_service(web::to(not_found)).wrap(from_fn(front));
        let server = listen(app, listener, Serving { workers: Some(1), shutdown_seconds: 1, timeouts })?;
        let handle = server.handle();
        Ok((server, handle))
    }

    /// Its routes.
    pub fn configure(&self, cfg: &mut web::ServiceConfig) {
        livez(cfg);
        let ops = web::Data::new(self.clone());
        cfg.app_data(ops);
        cfg.service(page("/readyz").route(reading().to(ready)));
        cfg.service(page("/metrics").route(reading().to(metrics)));
        cfg.service(page("/jobs").route(reading().to(async |ops: web::Data<Ops>| HttpResponse::Ok().json(ops.jobs.report()))));
        cfg.service(page("/peers").route(reading().to(peers)));
        let log = web::resource("/log").route(reading().to(log)).route(web::put().to(set_log));
        cfg.service(log.default_service(method_not_allowed("GET, HEAD, PUT".into())));
    }
}

/// Serves `/livez`, which checks nothing.
pub fn livez(cfg: &mut web::ServiceConfig) {
    cfg.service(page("/livez").route(reading().to(async || HttpResponse::Ok().json(serde_json::json!({"status": "alive"})))));
}

async fn ready(ops: web::Data<Ops>) -> HttpResponse {
    let report = report(&ops).await;
    if report.status == "ready" { HttpResponse::Ok().json(report) } else { HttpResponse::ServiceUnavailable().json(report) }
}

async fn report(ops: &Ops) -> Report {
    let mut report = ops.readiness.report().await;
    // at once, however old the report may be
    if ops.jobs.is_draining() {
        report.status = "not ready";
        report.checks.insert(ops.jobs.name().to_owned(), "stopping".to_owned());
    }
    report
}

async fn metrics(ops: web::Data<Ops>) -> HttpResponse {
    let is_ready = report(&ops).await.status == "ready";
    metrics::gauge!("souk_ready").set(f64::from(u8::from(is_ready)));
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(ops.metrics.render())
}

async fn peers(ops: web::Data<Ops>) -> HttpResponse {
    let peers: BTreeMap<_, _> = ops.peers.iter().map(|(module, transport)| (*module, transport.peers())).collect();
    HttpResponse::Ok().json(peers)
}

async fn log(ops: web::Data<Ops>) -> HttpResponse {
    let filter = ops.log.as_ref().map(LogFilter::text).unwrap_or_default();
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(filter)
}

async fn set_log(ops: web::Data<Ops>, request: HttpRequest, body: web::Payload) -> HttpResponse {
    match try_set_log(&ops, &request, body).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(fault) => problem(fault.into(), &request),
    }
}

async fn try_set_log(ops: &Ops, request: &HttpRequest, body: web::Payload) -> Result<(), Fault> {
    let Some(log) = &ops.log else { return Err(Fault::new(Code::NotFound, "This process has no log of its own")) };
    let body = receive(request, body, 4096).await?;
    let wrong = |why: String| Fault::invalid("", format!("the body must be a level, or a list such as info,order=debug: {why}"));
    let filter = std::str::from_utf8(&body).map_err(|e| wrong(e.to_string()))?.trim();
    log.set(filter).map_err(wrong)?;
    tracing::warn!(filter, "the filter of the log was changed");
    Ok(())
}
