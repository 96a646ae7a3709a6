//! Names of the headers of calls.

/// Milliseconds that the caller still waits.
pub const DEADLINE: &str = "souk-deadline-ms";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// draft-ietf-httpapi-idempotency-key-header-07.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The languages that the caller wants (RFC 9110 §12.5.4).
pub const ACCEPT_LANGUAGE: &str = "accept-language";
/// `true` when the reply is the stored one of an earlier call.
pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
/// The entity tag that the thing must still have (RFC 9110 §13.1.1).
pub const IF_MATCH: &str = "if-match";
