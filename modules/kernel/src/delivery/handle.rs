//! Calling a listener, and measuring it.

use crate::{
    Envelope, Fault, Listener,
    trace::{self, Kind},
};

/// Lets a listener handle an event, and measures it.
pub(super) async fn call_listener(listener: &Listener, event: &Envelope) -> Result<(), Fault> {
    let log =
        |trace_id: &str| tracing::info_span!("event", trace_id = %trace_id, event = event.r#type, listener = listener.name());
    let begun = trace::begin(event.trace(), Kind::Consumer, format_args!("handle {}", event.r#type), log);
    let recorded = &begun.recorded;
    trace::set(recorded, "messaging.destination.name", listener.name());
    if !recorded.is_none() {
        trace::set(recorded, "messaging.message.id", event.id.to_string());
    }
    let result = begun.run(listener.handle(event.clone())).await;
    let outcome = outcome_of(&result);
    if let Err(fault) = &result {
        trace::outcome(recorded, fault.code());
    }
    let (name, kind) = (listener.name(), event.r#type.clone());
    metrics::counter!("souk_events_handled_total", "listener" => name, "type" => kind, "outcome" => outcome).increment(1);
    if result.is_ok() {
        let lag = (crate::now() - event.time).to_std().unwrap_or_default();
        metrics::histogram!("souk_event_lag_seconds", "listener" => name).record(lag);
    }
    result
}

/// An outcome as a label of a metric.
pub(super) fn outcome_of(result: &Result<(), Fault>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(fault) => fault.code().name(),
    }
}
