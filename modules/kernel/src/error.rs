//! Errors: a closed set of codes, faults of a call, and the problem document that both become on the wire.
//!
//! Every failure has a [`Code`], and one table gives each code its HTTP status. A domain's error enum knows codes, not statuses.
//! Text of internal errors goes to the log when a [`Fault`] is made, and is not kept: it cannot leak later.

use crate::{ETag, log::log_seldom};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:literal, $name:literal, $title:literal;)*) => {
        /// The kind of a failure. Closed: clients may rely on the list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            /// The HTTP status. No two codes share one, so that a status leads back to its code.
            pub const fn status(self) -> u16 {
                match self { $(Code::$code => $status,)* }
            }

            /// The stable name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$code => $name,)* }
            }

            /// The title of its problem documents.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$code => $title,)* }
            }
        }
    };
}

codes! {
    /// The request breaks the rules of the operation.
    InvalidArgument = 400, "invalid_argument", "Invalid request";
    /// Nobody is logged in, or the token is not valid.
    Unauthenticated = 401, "unauthenticated", "Authentication required";
    /// The payment was refused by its provider.
    PaymentRequired = 402, "payment_required", "Payment declined";
    /// The caller may not do this.
    PermissionDenied = 403, "permission_denied", "Permission denied";
    /// There is no such thing, or it is not the caller's.
    NotFound = 404, "not_found", "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = 405, "method_not_allowed", "Method not allowed";
    /// The state of the thing does not allow it.
    Conflict = 409, "conflict", "Conflict";
    /// The thing is not as the caller saw it: see `If-Match`.
    PreconditionFailed = 412, "precondition_failed", "Precondition failed";
    /// The body is larger than the limit.
    PayloadTooLarge = 413, "payload_too_large", "Payload too large";
    /// The body is not JSON by its `Content-Type`.
    UnsupportedMediaType = 415, "unsupported_media_type", "Unsupported media type";
    /// There are no such bytes in the answer: see `Range`.
    RangeNotSatisfiable = 416, "range_not_satisfiable", "Range not satisfiable";
    /// Understood, but cannot be done: an idempotency key that was used for another request.
    Unprocessable = 422, "unprocessable", "Unprocessable request";
    /// The call must say which version of the thing the caller saw: see `If-Match`.
    PreconditionRequired = 428, "precondition_required", "Precondition required";
    /// Too many calls; see `Retry-After`.
    TooManyRequests = 429, "too_many_requests", "Too many requests";
    /// A bug. Never retried.
    Internal = 500, "internal", "Internal server error";
    /// Something that is needed cannot be reached now; see `Retry-After`.
    Unavailable = 503, "unavailable", "Service unavailable";
    /// It took longer than the caller waits. It may have run.
    DeadlineExceeded = 504, "deadline_exceeded", "Service timeout";
}

impl Code {
    /// The code that has this status; any other 4xx is `invalid_argument`, anything else `internal`.
    pub fn of_status(status: u16) -> Self {
        let found = Self::ALL.iter().copied().find(|c| c.status() == status);
        found.unwrap_or(if (400..500).contains(&status) { Code::InvalidArgument } else { Code::Internal })
    }
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where: a JSON Pointer (RFC 6901) into the body, or `/` and the name of a parameter of the path or the query.
    #[schema(example = "/quantity")]
    pub pointer: String,
    /// What is allowed there.
    #[schema(example = "must be at least 1")]
    pub detail: String,
}

/// A failure of the call itself, which any operation can have, whatever its domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    code: Code,
    message: String,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
    etag: Option<ETag>,
}

impl Fault {
    /// A fault with a text for people. The text is shown to clients: nothing internal belongs in it.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), errors: Vec::new(), retry_after: None, etag: None }
    }

    /// One field of the request is wrong.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// These fields of the request are wrong.
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let message = match errors.as_slice() {
            // a detail that is a sentence of its own is shown alone
            [one, ..] if one.pointer.is_empty() || one.detail.starts_with(char::is_uppercase) => one.detail.clone(),
            [first, ..] => format!("{} {}", first.pointer.trim_start_matches('/'), first.detail),
            [] => Code::InvalidArgument.title().into(),
        };
        Self { errors, ..Self::new(Code::InvalidArgument, message) }
    }

    /// The same fault, saying which field of the request it is about.
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// The same fault with another text for people.
    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// The same fault, saying after how many seconds trying again is sensible.
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same fault, with the current tag of the thing that it is about.
    pub(crate) fn tagged(self, etag: ETag) -> Self {
        Self { etag: Some(etag), ..self }
    }

    /// Nobody is logged in.
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Authentication required")
    }

    /// A bug or a broken store: `why` is logged at once, and not kept.
    pub fn internal(why: impl fmt::Display) -> Self {
        tracing::error!(error = %why, "internal error");
        Self::new(Code::Internal, "Internal server error")
    }

    /// A dependency cannot be reached, and that has been logged, or needs no log.
    pub fn away(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message).retry_after(1)
    }

    /// A dependency cannot be reached: `why` is logged at once, and not kept. The same message is logged once in ten seconds,
    /// with the number of times that it was skipped: an outage must not write a line for each call.
    pub fn unavailable(message: impl Into<String>, why: impl fmt::Display) -> Self {
        let message = message.into();
        log_seldom(&message, |again| tracing::warn!(error = %why, again, "{message}"));
        Self::away(message)
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The fields that are wrong; empty unless the request is.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// The one form of a failure on the wire: Problem Details (RFC 9457) as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// The kind of problem, as a URN.
    #[serde(rename = "type")]
    #[schema(example = "urn:souk:problem:product.not_found")]
    pub kind: String,
    /// The kind in words; the same for every occurrence.
    #[schema(example = "Not found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened this time.
    #[schema(example = "Product not found")]
    pub detail: String,
    /// Stable name for programs.
    #[schema(example = "product.not_found")]
    pub code: String,
    /// The same text as `detail`, for clients of the first version of this API.
    #[schema(example = "Product not found")]
    pub error: String,
    /// Path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Trace of the request, to be quoted in a question to support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Facts about this occurrence, by the kind of problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
    /// After how many seconds trying again is sensible; also the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The current tag of the thing, when it is not as the caller saw it; also the `ETag` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "\"3-9f86d081884c7d65\"")]
    pub etag: Option<ETag>,
}

impl Problem {
    /// A problem of a domain: `name` is its stable name, `details` its facts.
    pub fn new(code: Code, name: &str, detail: impl Into<String>, details: Option<Value>) -> Self {
        let detail = detail.into();
        Self {
            kind: format!("urn:souk:problem:{name}"),
            title: code.title().into(),
            status: code.status(),
            error: detail.clone(),
            detail,
            code: name.into(),
            instance: None,
            trace_id: None,
            errors: Vec::new(),
            details,
            retry_after: (code == Code::Unavailable).then_some(1),
            etag: None,
        }
    }

    /// The media type of problem documents.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self {
            errors: fault.errors,
            retry_after: fault.retry_after,
            etag: fault.etag,
            ..Self::new(fault.code, fault.code.name(), fault.message, None)
        }
    }
}

impl From<Fault> for Box<Problem> {
    fn from(fault: Fault) -> Self {
        Box::new(fault.into())
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self {
            code: Code::of_status(problem.status),
            message: problem.detail,
            errors: problem.errors,
            retry_after: problem.retry_after,
            etag: problem.etag,
        }
    }
}

/// An error that keeps a module from starting; for operators, not for clients.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One kind of problem that an operation can answer, for the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemKind {
    /// Its code, and so its status.
    pub code: Code,
    /// Its stable name, e.g. `product.not_found`.
    pub name: &'static str,
    /// Its variant, e.g. `NotFound`.
    pub variant: &'static str,
    /// Its meaning: the doc comment of the variant.
    pub doc: &'static str,
}

impl ProblemKind {
    /// The kind of this variant of `E`; evaluated at compile time, in the declarations of operations.
    #[doc(hidden)]
    pub const fn of<E: ApiError>(variant: &str) -> Self {
        let mut kinds = E::KINDS;
        while let [kind, rest @ ..] = kinds {
            if is_same(kind.variant, variant) {
                return *kind;
            }
            kinds = rest;
        }
        // there is no such variant: the compiler reports that where the variant is named
        Self { code: Code::Internal, name: "", variant: "", doc: "" }
    }
}

const fn is_same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([first, a_rest @ ..], [other, b_rest @ ..]) = (a, b) {
        if *first != *other {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}

/// The schema of the `details` of a kind of problem.
pub struct Details {
    /// The stable name of the kind.
    pub(crate) name: &'static str,
    pub(crate) schema: RefOr<Schema>,
    /// The schemas that it refers to.
    pub(crate) others: Vec<(String, RefOr<Schema>)>,
}

impl Details {
    /// The details of the kind `name`, with the fields of `T`.
    pub fn of<T: ToSchema>(name: &'static str) -> Self {
        let mut others = Vec::new();
        T::schemas(&mut others);
        Self { name, schema: T::schema(), others }
    }
}

/// The error enum of a module. Implemented by `#[derive(ApiError)]`, so that each variant survives the wire with its data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an operation",
    label = "make it an enum that derives `thiserror::Error` and `kernel::ApiError`"
)]
pub trait ApiError: std::error::Error + From<Fault> + Send + 'static {
    /// Every kind of problem that the enum holds.
    const KINDS: &'static [ProblemKind];

    /// The schemas of the details of the kinds that have some.
    fn details() -> Vec<Details> {
        Vec::new()
    }

    /// The code of this error.
    fn code(&self) -> Code;

    /// This error on the wire.
    fn into_problem(self) -> Problem;

    /// The error of a problem from the wire; a problem of no variant becomes the fault of the enum.
    fn from_problem(problem: Problem) -> Self;
}

impl ApiError for Fault {
    const KINDS: &'static [ProblemKind] = &[];

    fn code(&self) -> Code {
        self.code
    }

    fn into_problem(self) -> Problem {
        self.into()
    }

    fn from_problem(problem: Problem) -> Self {
        problem.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_status_leads_back_to_its_code() {
        let statuses: HashSet<u16> = Code::ALL.iter().map(|c| c.status()).collect();
        assert_eq!(statuses.len(), Code::ALL.len());
        for &code in Code::ALL {
            assert_eq!(Code::of_status(code.status()), code);
        }
        assert_eq!(Code::of_status(418), Code::InvalidArgument);
        assert_eq!(Code::of_status(502), Code::Internal);
    }

    #[test]
    fn a_fault_survives_the_wire_and_keeps_nothing_internal() {
        let fault = Fault::invalid("/quantity", "must be at least 1").retry_after(3);
        let json = serde_json::to_string(&Problem::from(fault.clone())).expect("problem");
        assert_eq!(Fault::from(serde_json::from_str::<Problem>(&json).expect("problem")), fault);
        assert_eq!(fault.to_string(), "quantity must be at least 1");
        let secret = format!("{:?}", Fault::internal("password=hunter2"));
        assert!(!secret.contains("hunter2"));
    }
}
