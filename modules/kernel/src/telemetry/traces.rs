//! Sends the spans of recorded traces to a collector (OTLP over HTTP).
//!
//! A thread of its own sends them, in batches of at most 512, at least every 5 s. At most 2,048 spans wait; further ones are
//! dropped: a collector that is slow or away costs a request nothing. The variables of OpenTelemetry (`OTEL_BSP_*`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`, …) change these, and add headers and attributes.

use crate::{log::log_seldom, trace};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use std::time::Duration;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// Which traces are recorded, and where their spans are sent.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The OTLP endpoint of the collector, such as `http://127.0.0.1:4318`; empty: nothing is recorded.
    pub endpoint: String,
    /// The probability with which a new trace is recorded, 0 to 1. A trace that comes with a `traceparent` is recorded if its flag
    /// says so.
    pub ratio: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: String::new(), ratio: 1.0 }
    }
}

/// Sends spans until it is dropped, which sends the last ones.
pub(super) struct Sender(SdkTracerProvider);

impl Drop for Sender {
    fn drop(&mut self) {
        // waits for a few seconds at most
        drop(self.0.shutdown());
    }
}

/// Begins to record; `None` when nothing is to be recorded. `service` is the name of the process in its spans.
pub(super) fn start<S>(settings: &Traces, service: &'static str) -> Result<Option<(Sender, impl Layer<S> + use<S>)>, String>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    if settings.endpoint.is_empty() {
        return Ok(None);
    }
    let endpoint = format!("{}/v1/traces", settings.endpoint.trim_end_matches('/'));
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(endpoint);
    let exporter = exporter.build().map_err(|e| format!("traces.endpoint: {e}"))?;
    let resource = Resource::builder().with_service_name(service).with_attributes([
        KeyValue::new("service.namespace", "souk"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
    ]);
    let provider = SdkTracerProvider::builder()
        // `trace::begin` has decided already
        .with_sampler(Sampler::AlwaysOn)
        .with_id_generator(trace::Ids)
        .with_resource(resource.build())
        .with_batch_exporter(Counted(exporter))
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("souk"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(trace::TARGET, tracing::Level::INFO));
    trace::record(settings.ratio);
    Ok(Some((Sender(provider), layer)))
}

/// Counts what is sent, and logs what is not.
#[derive(Debug)]
struct Counted<E>(E);

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.0.export(batch).await;
        let outcome = if result.is_ok() { "sent" } else { "failed" };
        metrics::counter!("souk_spans_total", "outcome" => outcome).increment(spans);
        if let Err(e) = &result {
            log_seldom("traces", |again| tracing::warn!(error = %e, again, "spans could not be sent to the collector"));
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
