//! Traces: positions in them (W3C Trace Context), and spans of the ones that are recorded (OpenTelemetry).
//!
//! A new trace is recorded with the probability of the setting `traces.ratio`; a trace that comes with a `traceparent` is recorded
//! if its flag says so. In a trace that is not recorded no span is made.

use crate::Code;
use opentelemetry::{
    Context, Value,
    trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use std::{
    cell::Cell,
    fmt::{self, Display},
    str::FromStr,
    sync::OnceLock,
};
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The target of the spans that are recorded; the log leaves them out.
#[cfg(feature = "server")]
pub(crate) const TARGET: &str = "souk::recorded";

/// The probability with which a new trace is recorded. Not set: no trace is.
static RATIO: OnceLock<f64> = OnceLock::new();

thread_local! {
    /// The id of the trace whose first span is about to start on this thread.
    static NEW_TRACE: Cell<u128> = const { Cell::new(0) };
}

/// The ids of spans, and of traces that [`begin`] starts.
#[cfg(feature = "server")]
#[derive(Debug)]
pub(crate) struct Ids;

#[cfg(feature = "server")]
impl opentelemetry_sdk::trace::IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from(NEW_TRACE.get())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(rand::random::<u64>().max(1))
    }
}

/// Records traces from now on.
#[cfg(feature = "server")]
pub(crate) fn record(ratio: f64) {
    let _ = RATIO.set(ratio);
}

/// A position in a trace (W3C Trace Context, version 00).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl Trace {
    /// A new trace.
    pub fn start() -> Self {
        let sampled = RATIO.get().is_some_and(|ratio| rand::random::<f64>() < *ratio);
        // Zero is not a valid id.
        Self { trace_id: rand::random::<u128>().max(1), span_id: rand::random::<u64>().max(1), sampled }
    }

    /// The position of the current work, if it is recorded.
    pub fn current() -> Option<Self> {
        Context::map_current(|current| Self::of(current.span().span_context()))
    }

    fn of(span: &SpanContext) -> Option<Self> {
        span.is_valid().then(|| Self {
            trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(span.span_id().to_bytes()),
            sampled: span.is_sampled(),
        })
    }

    /// The trace id as 32 hexadecimal digits: the `trace_id` of problem documents and logs.
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl From<Trace> for SpanContext {
    fn from(trace: Trace) -> Self {
        let flags = if trace.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        Self::new(TraceId::from(trace.trace_id), SpanId::from(trace.span_id), flags, true, TraceState::NONE)
    }
}

/// Writes a `traceparent` header.
impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// Reads a `traceparent` header. A header that is invalid by the standard is an error; callers then start a new trace.
impl FromStr for Trace {
    type Err = ();

    fn from_str(header: &str) -> Result<Self, ()> {
        let hex = |text: &str, digits: usize| {
            let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            (text.len() == digits && lower).then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or(())
        };
        let mut parts = header.split('-');
        let mut next = || parts.next().ok_or(());
        let (version, trace_id, span_id, flags) = (hex(next()?, 2)?, hex(next()?, 32)?, hex(next()?, 16)?, hex(next()?, 2)?);
        let extra = parts.next().is_some();
        if version == 0xff || (version == 0 && extra) || trace_id == 0 || span_id == 0 {
            return Err(());
        }
        Ok(Self { trace_id, span_id: u64::try_from(span_id).map_err(drop)?, sampled: flags & 1 == 1 })
    }
}

/// What a span is of (OpenTelemetry's span kind).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work inside the process.
    Internal,
    /// Answers a request.
    Server,
    /// Asks another program, and waits for its answer.
    Client,
    /// Sends an event.
    Producer,
    /// Handles an event.
    Consumer,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// Work that this process begins.
pub struct Begun {
    /// Its place in its trace.
    pub trace: Trace,
    /// The span of its log lines.
    pub log: Span,
    /// The span that is recorded, inside that one; [`Span::none`] if the trace is not recorded.
    pub recorded: Span,
}

impl Begun {
    /// Does the work in both spans.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        work.instrument(self.recorded.clone()).instrument(self.log.clone()).await
    }
}

/// Begins work of this process: the continuation of `parent`, or a new trace. `log` makes the span of its log lines, with the id
/// of the trace.
pub fn begin(parent: Option<Trace>, kind: Kind, name: impl Display, log: impl FnOnce(&str) -> Span) -> Begun {
    let trace = parent.unwrap_or_else(Trace::start);
    let log = log(&trace.id());
    if !trace.sampled || RATIO.get().is_none() {
        return Begun { trace, log, recorded: Span::none() };
    }
    let recorded = info_span!(target: "souk::recorded", parent: &log, "begin", otel.name = %name, otel.kind = kind.name());
    let context = match parent {
        Some(parent) => Context::new().with_remote_span_context(parent.into()),
        None => Context::new(),
    };
    // it fails only if nothing records
    drop(recorded.set_parent(context));
    // starts the span
    NEW_TRACE.set(trace.trace_id);
    let trace = Trace::of(recorded.context().span().span_context()).unwrap_or(trace);
    Begun { trace, log, recorded }
}

/// A part of the current work, or [`Span::none`] if that is not recorded.
pub fn span(kind: Kind, name: impl Display) -> Span {
    if Trace::current().is_none() {
        return Span::none();
    }
    info_span!(target: "souk::recorded", "span", otel.name = %name, otel.kind = kind.name())
}

/// Does `work` on a store, in a span of its own; `system` is `redis` or `mongodb`.
pub async fn store_call<F: Future>(system: &'static str, name: impl Display, work: F) -> F::Output {
    let span = span(Kind::Client, name);
    set(&span, "db.system.name", system);
    work.instrument(span).await
}

/// Sets an attribute of a span. The names are those of OpenTelemetry's semantic conventions, where they have one.
pub fn set(span: &Span, name: &'static str, value: impl Into<Value>) {
    span.set_attribute(name, value);
}

/// Changes the name of a span, once it is known.
#[cfg(feature = "server")]
pub(crate) fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Notes how a call failed. A refusal is no failure of the shop: only faults of its own mark the span as failed.
pub(crate) fn outcome(span: &Span, code: Code) {
    if code.status() >= 500 {
        fail(span, code.name());
    } else {
        set(span, "souk.code", code.name());
    }
}

/// Marks a span as failed. `code` must not contain what a user has typed.
pub fn fail(span: &Span, code: &'static str) {
    set(span, "error.type", code);
    span.set_status(Status::error(code));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_survives_the_wire_and_bad_ones_are_refused() {
        let trace = Trace::start();
        assert_eq!(trace.to_string().parse(), Ok(trace));
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(bad.parse::<Trace>(), Err(()), "{bad}");
        }
    }
}
