//! What the metrics of the kernel mean, for `/metrics`. Those of a module are in its `meters.rs`; `docs/metrics.md` has all.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) fn describe() {
    calls();
    work();
    stores();
    events();
}

fn calls() {
    describe_histogram!("souk_call_seconds", Unit::Seconds, "Calls of operations, by operation, caller, placement and code");
    describe_counter!("souk_http_responses_total", "HTTP responses, by status; their times are those of souk_call_seconds");
    describe_counter!("souk_call_retries_total", "Attempts of calls to other processes that were repeated");
    describe_gauge!("souk_peer_breaker_open", "1 from when an instance is left alone until it answers a call again");
    describe_counter!("souk_internal_tokens_refused_total", "Calls whose internal token a peer refused; must stay 0");
}

fn work() {
    describe_gauge!("souk_ready", "1 if the process can do its work, as /readyz says");
    describe_counter!("souk_job_runs_total", "Runs of jobs; broken is a panic or a run that took too long");
    describe_gauge!("souk_job_last_success_timestamp_seconds", Unit::Seconds, "When a job last succeeded, in Unix time");
    describe_gauge!("souk_job_age_seconds", Unit::Seconds, "Time since a job last succeeded");
    describe_gauge!("souk_job_patience_seconds", Unit::Seconds, "The age from which a job is late");
    describe_gauge!("souk_writes_under_way", "Writes that run, some of them for callers that have left");
    describe_counter!("souk_log_lines_dropped_total", "Log lines that were dropped because their reader was too slow");
    describe_counter!("souk_spans_total", "Spans for the collector of traces, sent or not");
}

fn stores() {
    describe_gauge!("souk_database_connections", "Open connections to a store");
    describe_gauge!("souk_database_connections_wanted", "Connections to a store that are in use or waited for");
    describe_gauge!("souk_database_connections_max", "The most connections to a store that this process may open");
    describe_counter!("souk_sql_statements_total", "SQL statements, for requests and in the background");
}

fn events() {
    describe_gauge!("souk_outbox_events", "Events to be delivered, counted once for each listener");
    describe_gauge!("souk_outbox_oldest_seconds", Unit::Seconds, "Age of the oldest event to be delivered");
    describe_gauge!("souk_outbox_dead_letters", "Dead letters in the outbox");
    describe_counter!("souk_events_published_total", "Events published to the broker");
    describe_counter!("souk_events_handled_total", "Events delivered to a listener");
    describe_histogram!("souk_event_lag_seconds", Unit::Seconds, "Time from a change until a listener has handled its event");
    describe_counter!("souk_events_redelivered_total", "Events that the broker delivered again");
    describe_counter!("souk_dead_letters_total", "New dead letters");
}
