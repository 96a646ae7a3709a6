//! Logs and metrics of a process.

use crate::{Trace, jobs::Jobs, transport::header};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::IsTerminal,
    sync::OnceLock,
    time::{Duration, Instant},
};
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, Registry, filter::LevelFilter, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// The log of a process. When it is dropped, what is still to be written is written.
pub struct Log {
    filter: LogFilter,
    dropped: ErrorCounter,
    _writer: WorkerGuard,
}

/// What is logged, while the process runs. Cheap to clone.
#[derive(Clone)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

impl LogFilter {
    /// The filter, as [`start_logging`] takes it.
    pub fn text(&self) -> String {
        self.0.with_current(ToString::to_string).unwrap_or_default()
    }

    /// Sets another one.
    ///
    /// # Errors
    /// When it cannot be read; then nothing changes.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        let filter = parse(filter)?;
        self.0.reload(filter).map_err(|e| e.to_string())
    }
}

/// Reads a filter. `EnvFilter` takes a word that is no level for the name of a part of the program: a typing error would turn the
/// log off. Here a word alone must be a level.
fn parse(filter: &str) -> Result<EnvFilter, String> {
    let mut parts = Vec::new();
    for part in filter.split(',').map(str::trim) {
        let (target, level) = part.rsplit_once('=').map_or((None, part), |(target, level)| (Some(target.trim()), level.trim()));
        let is_part =
            |target: &str| !target.is_empty() && target.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:-".contains(&b));
        if level.is_empty() || !target.is_none_or(is_part) || level.parse::<LevelFilter>().is_err() {
            return Err(format!("{part:?} is neither off, error, warn, info, debug or trace, nor part=level"));
        }
        parts.push(target.map_or_else(|| level.to_owned(), |target| format!("{target}={level}")));
    }
    EnvFilter::try_new(parts.join(",")).map_err(|e| e.to_string())
}

impl Log {
    /// What is logged.
    pub fn filter(&self) -> LogFilter {
        self.filter.clone()
    }

    /// Counts lines that were not written.
    pub fn measure(&self, jobs: &Jobs) {
        let dropped = self.dropped.clone();
        jobs.every("log.metrics", Duration::from_secs(5), move || {
            metrics::counter!("souk_log_lines_dropped_total").absolute(dropped.dropped_lines() as u64);
            std::future::ready(Ok(()))
        });
    }
}

/// Starts logging to standard error. `filter` is a level or a list such as `info,sqlx=warn` (see `tracing_subscriber::EnvFilter`).
///
/// Lines are written by a thread of their own, so that whoever reads them slowly stops nobody; when it falls behind by too many,
/// lines are dropped and counted.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start_logging(filter: &str, format: LogFormat) -> Result<Log, String> {
    let filter = parse(filter)?;
    let (filter, handle) = reload::Layer::new(filter);
    // some tens of megabytes at most
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(100_000).finish(std::io::stderr());
    let dropped = writer.error_counter();
    let registry = tracing_subscriber::registry().with(filter);
    let result = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_ansi(colours).with_writer(writer)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(writer)).try_init(),
    };
    result.map_err(|e| e.to_string())?;
    Ok(Log { filter: LogFilter(handle), dropped, _writer: guard })
}

/// Starts collecting metrics. Clients that are made before it record nothing.
///
/// # Errors
/// When a recorder was installed before.
pub fn start_metrics() -> Result<PrometheusHandle, String> {
    /// Seconds; from a local call to the longest deadline.
    const BUCKETS: &[f64] =
        &[1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|e| e.to_string())?;
    metrics::describe_histogram!(
        "souk_call_seconds",
        metrics::Unit::Seconds,
        "Calls between modules, by operation, caller, placement and code"
    );
    metrics::describe_counter!(
        "souk_http_responses_total",
        "HTTP responses, by status; their times are those of souk_call_seconds"
    );
    Ok(handle)
}

/// Lets the recorder of metrics tidy up, and measures the jobs themselves.
pub fn keep_metrics(handle: PrometheusHandle, jobs: &Jobs) {
    let measured = jobs.clone();
    jobs.every("metrics", Duration::from_secs(5), move || {
        handle.run_upkeep();
        measured.measure();
        std::future::ready(Ok(()))
    });
}

/// One span and one log line per request, in the caller's trace or a new one.
pub struct RequestSpan;

struct Started(Instant);

/// The counter of responses with this status, looked up once.
fn responses(status: u16) -> &'static metrics::Counter {
    static COUNTERS: [OnceLock<metrics::Counter>; 1000] = [const { OnceLock::new() }; 1000];
    let counter = || metrics::counter!("souk_http_responses_total", "status" => status.to_string());
    COUNTERS[usize::from(status) % COUNTERS.len()].get_or_init(counter)
}

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let trace = request.headers().get(header::TRACEPARENT).and_then(|h| h.to_str().ok()).and_then(|h| h.parse().ok());
        let trace: Trace = trace.unwrap_or_else(Trace::start);
        request.extensions_mut().insert(trace);
        request.extensions_mut().insert(Started(Instant::now()));
        tracing::info_span!("request", trace_id = %trace.id(), method = %request.method(), path = %request.path())
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let Ok(response) = outcome else { return };
        let request = response.request();
        let took = request.extensions().get::<Started>().map_or(Duration::ZERO, |started| started.0.elapsed());
        let status = response.status().as_u16();
        responses(status).increment(1);
        let _in_span = span.enter();
        tracing::info!(status, micros = took.as_micros() as u64, "request");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_with_a_typing_error_is_refused() {
        for good in ["info", "warn,order=debug", " info , sqlx = off ", "WARN"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["", ",", "warning", "inf", "info;order=debug", "info order=debug", "order", "order=loud", "=info", "info,"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
