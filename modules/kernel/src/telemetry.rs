//! Logs, metrics and traces of a process.

mod described;
mod traces;

pub use traces::Traces;

use crate::{
    header,
    jobs::Jobs,
    trace::{self, Begun},
    writes,
};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::LevelFilter,
    fmt::{self, FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

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

/// The log of a process, and its traces. When it is dropped, lines and spans that wait are written.
pub struct Log {
    filter: LogFilter,
    dropped: ErrorCounter,
    _spans: Option<traces::Sender>,
    _writer: WorkerGuard,
}

/// The filter of the log, which can be changed while the process runs. Cheap to clone.
#[derive(Clone)]
pub struct LogFilter {
    handle: reload::Handle<EnvFilter, Registry>,
    text: Arc<Mutex<String>>,
}

impl LogFilter {
    /// The filter, as [`start_logging`] takes it.
    pub fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets another one.
    ///
    /// # Errors
    /// When it cannot be read; then nothing changes.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        self.handle.reload(parse(filter)?).map_err(|e| e.to_string())?;
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = filter.to_owned();
        Ok(())
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
    // spans for traces alone
    parts.push(format!("{}=off", trace::TARGET));
    parts.splice(0..0, quiet(filter).iter().map(|part| (*part).to_owned()));
    EnvFilter::try_new(parts.join(",")).map_err(|e| e.to_string())
}

/// Filters for lines of libraries that are too many at a level. A filter that names the library, or asks for debug, gets them.
fn quiet(filter: &str) -> &'static [&'static str] {
    // the parser writes an error for each request that it cannot read, and such requests are a client's mistake
    const REQUESTS: &str = "actix_http=off";
    let level = filter.split(',').filter_map(|part| part.trim().parse::<LevelFilter>().ok()).next_back();
    match level {
        Some(LevelFilter::INFO) => &[REQUESTS, "actix_server=warn", "sea_orm_migration=warn"],
        Some(LevelFilter::ERROR | LevelFilter::WARN) => &[REQUESTS],
        _ => &[],
    }
}

/// Adds the name of the process to each line.
struct Named<F> {
    inner: F,
    format: LogFormat,
    /// The module that it serves alone, if it does.
    only: Option<&'static str>,
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, cx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &tracing::Event<'_>) -> std::fmt::Result {
        match (self.format, self.only) {
            (LogFormat::Json, only) => {
                let mut line = String::new();
                self.inner.format_event(cx, Writer::new(&mut line), event)?;
                let fields = line.strip_prefix('{').unwrap_or(&line);
                write!(writer, "{{\"process\":\"{}\",{fields}", only.unwrap_or("souk"))
            }
            (LogFormat::Text, only) => {
                if let Some(only) = only {
                    write!(writer, "{only:<12} ")?;
                }
                self.inner.format_event(cx, writer, event)
            }
        }
    }
}

impl Log {
    /// Its filter.
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

/// Starts logging to standard error, and recording traces. `filter` is a level or a list such as `info,sqlx=warn` (see
/// `tracing_subscriber::EnvFilter`). `only` is the module that this process serves alone, if it does: each line says so.
///
/// A thread of its own writes the lines, so that a slow reader does not stop the process; when it falls too far behind, lines are
/// dropped and counted.
///
/// # Errors
/// When the filter or the settings of traces cannot be read, or logging was started before.
pub fn start_logging(filter: &str, format: LogFormat, traces: &Traces, only: Option<&'static str>) -> Result<Log, String> {
    let text = Arc::new(Mutex::new(filter.to_owned()));
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    // some tens of megabytes at most
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(100_000).finish(std::io::stderr());
    let dropped = writer.error_counter();
    let lines = match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            let lines = fmt::layer().with_ansi(colours).map_event_format(|inner| Named { inner, format, only });
            lines.with_writer(writer).boxed()
        }
        LogFormat::Json => {
            // each span once, in `spans`; from the text of a span's fields a value is parsed for each line
            let lines = fmt::layer().json().with_current_span(false).map_event_format(|inner| Named { inner, format, only });
            lines.with_writer(writer).boxed()
        }
    };
    let (spans, recorder) = traces::start(traces, only.unwrap_or("souk"))?.unzip();
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(recorder).try_init().map_err(|e| e.to_string())?;
    Ok(Log { filter: LogFilter { handle, text }, dropped, _spans: spans, _writer: guard })
}

/// Starts collecting metrics. Clients that are made before it record nothing.
///
/// # Errors
/// When a recorder was installed before.
pub fn start_metrics() -> Result<PrometheusHandle, String> {
    /// Seconds; from a local call to the longest deadline.
    const BUCKETS: &[f64] =
        &[1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    /// Seconds; an event may wait for its listener for days.
    const LAGS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("souk_event_lag_seconds".into()), LAGS))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|e| e.to_string())?;
    described::describe();
    Ok(handle)
}

/// Runs the upkeep of the metrics recorder, and measures the process and its jobs.
pub fn keep_metrics(handle: PrometheusHandle, jobs: &Jobs) {
    let (measured, process) = (jobs.clone(), metrics_process::Collector::default());
    process.describe();
    let writes = metrics::gauge!("souk_writes_under_way");
    jobs.every("metrics", Duration::from_secs(5), move || {
        handle.run_upkeep();
        measured.measure();
        process.collect();
        writes.set(writes::under_way() as f64);
        std::future::ready(Ok(()))
    });
}

/// One span and one log line per request, in the caller's trace or a new one.
pub struct RequestSpan;

struct Started(Instant);

/// The operation that a request asked for, and the user who did: for its line in the log.
pub(crate) struct Asked {
    pub(crate) op: &'static str,
    pub(crate) user: Option<i64>,
}

/// The span of a request whose trace is recorded.
pub(crate) struct Recorded(pub(crate) Span);

/// Paths that probes and other processes of the shop poll every few seconds.
const POLLED: [&str; 4] = ["/livez", "/health", "/sessions/revoked", "/.well-known/jwks.json"];

/// The counter of responses with this status, looked up once.
fn responses(status: u16) -> &'static metrics::Counter {
    static COUNTERS: [OnceLock<metrics::Counter>; 1000] = [const { OnceLock::new() }; 1000];
    let counter = || metrics::counter!("souk_http_responses_total", "status" => status.to_string());
    COUNTERS[usize::from(status) % COUNTERS.len()].get_or_init(counter)
}

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let mut sent = request.headers().get_all(header::TRACEPARENT);
        // two of them are none (W3C Trace Context §3.2)
        let trace = sent.next().filter(|_| sent.next().is_none());
        let trace = trace.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        request.extensions_mut().insert(Started(Instant::now()));
        /// As much of a text as the log has room for, whatever a client sends.
        fn beginning(text: &str) -> &str {
            let end = text.floor_char_boundary(1000);
            &text[..end]
        }
        let (method, path) = (beginning(request.method().as_str()), beginning(request.path()));
        let log = |trace_id: &str| tracing::info_span!("request", trace_id = %trace_id, method, path);
        let Begun { trace, log, recorded } = trace::begin(trace, trace::Kind::Server, method, log);
        request.extensions_mut().insert(trace);
        if !recorded.is_none() {
            trace::set(&recorded, "http.request.method", method.to_owned());
            trace::set(&recorded, "url.path", path.to_owned());
            request.extensions_mut().insert(Recorded(recorded));
        }
        log
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let Ok(response) = outcome else { return };
        let request = response.request();
        let took = request.extensions().get::<Started>().map_or(Duration::ZERO, |started| started.0.elapsed());
        let status = response.status().as_u16();
        responses(status).increment(1);
        if let Some(Recorded(span)) = request.extensions_mut().remove() {
            trace::set(&span, "http.response.status_code", i64::from(status));
            if let Some(route) = request.match_pattern() {
                trace::rename(&span, format!("{} {route}", request.method()));
                trace::set(&span, "http.route", route);
            }
            if response.status().is_server_error() {
                trace::fail(&span, "5xx");
            }
        }
        let micros = took.as_micros() as u64;
        let asked = request.extensions_mut().remove::<Asked>();
        let (op, user) = asked.map_or((None, None), |asked| (Some(asked.op), asked.user));
        let _in_span = span.enter();
        // polls are worth a line only when they fail
        if POLLED.contains(&request.path()) && status < 400 {
            tracing::debug!(status, micros, op, user, "request");
        } else {
            tracing::info!(status, micros, op, user, "request");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_the_filter_names_them() {
        let of = |filter: &str| parse(filter).expect(filter).to_string();
        assert!(of("info").contains("sea_orm_migration=warn") && of("info").contains("actix_http=off"));
        assert!(of("warn,order=debug").contains("actix_http=off"));
        assert!(
            of("info,actix_http=error").contains("actix_http=error") && !of("info,actix_http=error").contains("actix_http=off")
        );
        assert!(!of("off").contains("actix"));
        assert!(!of("debug").contains("actix"));
    }

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
