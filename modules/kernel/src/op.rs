//! Operations as data: the annotations of each method of a module's trait.
//!
//! The interceptor, the HTTP client, the gateway, the OpenAPI document and the tests read every decision about an operation (who
//! may call it, how often, whether it may be repeated) from its [`Op`]. No other place repeats it.

use crate::{Ctx, ProblemKind, Rate, Role};
use std::time::Duration;

/// An HTTP method that an operation can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Reads; runs inline, may be repeated.
    Get,
    /// Creates or acts; repeated only with an idempotency key.
    Post,
    /// Replaces; may be repeated.
    Put,
    /// Changes the members that are sent, by a merge patch (RFC 7396); may be repeated.
    Patch,
    /// Removes; may be repeated.
    Delete,
}

impl Method {
    /// The method's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Whether requests have a body.
    pub(crate) const fn takes_body(self) -> bool {
        matches!(self, Method::Post | Method::Put | Method::Patch)
    }
}

/// Who may call an operation. Checked by the one interceptor in every placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, logged in or not.
    Anyone,
    /// Any logged-in user.
    User,
    /// A logged-in user with this role.
    Role(Role),
    /// These modules only, never the gateway on behalf of a client.
    Modules(&'static [&'static str]),
}

/// Whether a call may be made again when its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// GET, PUT, PATCH and DELETE: repeating has the effect of one call.
    Safe,
    /// POST: repeating is safe when the call carries an idempotency key.
    Key,
    /// POST: never repeated.
    Never,
}

/// Whether an operation compares the version of the thing that its caller saw (`If-Match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It does not, and refuses the header.
    None,
    /// It does when there is one.
    Optional,
    /// It does, and refuses calls without one.
    Demanded {
        /// The operation for callers who saw no version, e.g. `POST /api/products/{id}/deliveries`.
        instead: &'static str,
    },
}

/// The media types and the largest number of bytes of the streams that an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepts {
    /// Media types without parameters, in lower case.
    pub media_types: &'static [&'static str],
    /// Bytes, at least 1.
    pub max: u64,
}

/// One operation of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    /// The module that owns it, e.g. `product`.
    pub module: &'static str,
    /// The method of the trait, e.g. `hold`.
    pub name: &'static str,
    /// Both, e.g. `product.hold`: the name in tokens, metrics, traces and idempotency scopes.
    pub id: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Path at the module's own service, e.g. `/products/{id}`.
    pub path: &'static str,
    /// Path at the gateway; `None` when the gateway does not serve it.
    pub public: Option<&'static str>,
    /// Who may call it.
    pub access: Access,
    /// Whether it may be repeated.
    pub retry: Retry,
    /// Whether its answer has an entity tag.
    pub etag: bool,
    /// Whether its answer is in the languages that the caller wants.
    pub localized: bool,
    /// Whether it compares a version.
    pub condition: Condition,
    /// What its stream takes, if its body is one ([`Upload`](crate::Upload)).
    pub upload: Option<Accepts>,
    /// The media types of its answer, if that is a [`Download`](crate::Download); empty when it is JSON.
    pub download: &'static [&'static str],
    /// How long a call may take when that is longer than usual.
    pub within: Option<Duration>,
    /// Limit at the gateway; always set when `public` is.
    pub rate: Option<Rate>,
    /// Status of success: 200, 201, 202 or 204.
    pub status: u16,
    /// The path at the gateway of what was made, in which `{id}` stands for the member `id` of the answer.
    pub location: Option<&'static str>,
    /// The problems of its module that it can answer; any operation can also end in a fault.
    pub errors: &'static [ProblemKind],
}

impl Op {
    /// Whether it only reads. Reads run inline and end when their caller leaves; all other operations run to their end.
    pub const fn is_read(&self) -> bool {
        matches!(self.method, Method::Get)
    }

    /// Whether this call may be made again when its outcome is unknown.
    pub(crate) fn is_repeatable(&self, cx: &Ctx) -> bool {
        match self.retry {
            Retry::Safe => true,
            Retry::Key => cx.idempotency_key().is_some(),
            Retry::Never => false,
        }
    }
}
