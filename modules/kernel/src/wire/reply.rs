//! The answer of an operation on the wire: a result as JSON, or a problem document.

use super::lenient;
use crate::{ApiError, Ctx, Download, ETag, Fault, Op, Problem, Tagged, etag::stem};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// The answer of an operation as the server sends it.
#[derive(Debug)]
pub enum Reply {
    /// It succeeded.
    Done {
        /// HTTP status.
        status: u16,
        /// JSON; empty for 204.
        body: Vec<u8>,
        /// The tag of what is in the body, if the operation has one.
        etag: Option<ETag>,
    },
    /// It succeeded, and its answer is not JSON.
    Streamed(Download),
    /// It failed.
    Failed(Box<Problem>),
}

impl Reply {
    /// Encodes the result of `op`.
    pub fn of<T: Serialize, E: ApiError>(op: &Op, cx: &Ctx, result: Result<T, E>) -> Self {
        match result {
            Ok(_) if op.status == 204 => Self::Done { status: 204, body: Vec::new(), etag: None },
            Ok(value) => match serde_json::to_vec(&value) {
                Ok(body) => Self::Done { status: op.status, body, etag: None },
                Err(e) => Self::problem(Fault::internal(format_args!("reply of {}: {e}", op.id)).into(), Some(cx)),
            },
            Err(error) => Self::problem(op.declared(error.into_problem()), Some(cx)),
        }
    }

    /// Encodes the result of `op`, with its tag.
    pub fn of_tagged<T: Tagged, E: ApiError>(op: &Op, cx: &Ctx, result: Result<T, E>) -> Self {
        let stem = result.as_ref().ok().map(stem);
        match Self::of(op, cx, result) {
            // as `Tagged::etag` makes it, without encoding the answer twice
            Self::Done { status, body, .. } => {
                let etag = stem.map(|stem| ETag::of(&stem, &body));
                Self::Done { status, body, etag }
            }
            failed => failed,
        }
    }

    /// The result of `op`, whose answer is not JSON.
    pub fn of_download<E: ApiError>(op: &Op, cx: &Ctx, result: Result<Download, E>) -> Self {
        match result {
            Ok(download) if cfg!(debug_assertions) && !op.download.contains(&download.media_type()) => {
                let why = format!("{} answered {}, which its `download(..)` does not name", op.id, download.media_type());
                Self::problem(Fault::internal(&why).with_message(why).into(), Some(cx))
            }
            Ok(download) => Self::Streamed(download),
            Err(error) => Self::problem(op.declared(error.into_problem()), Some(cx)),
        }
    }

    /// A problem document, in the trace of the call.
    pub fn problem(mut problem: Problem, cx: Option<&Ctx>) -> Self {
        problem.trace_id = cx.map(|cx| cx.trace().id());
        Self::Failed(Box::new(problem))
    }

    /// The answer of a peer. Any 2xx is a success, so that a peer of another version may answer another one.
    pub(crate) fn received(op: &Op, status: u16, body: Vec<u8>) -> Self {
        if (200..300).contains(&status) {
            return Self::Done { status, body, etag: None };
        }
        match serde_json::from_slice(&body) {
            Ok(problem) => Self::Failed(problem),
            // not the answer of a peer, but of a proxy or another program on the port
            Err(e) => {
                let why = format!("{} answered {status} without a problem document: {e}", op.id);
                Self::problem(Fault::unavailable(unavailable(op), why).into(), None)
            }
        }
    }

    /// Decodes the result of `op`.
    ///
    /// # Errors
    /// The error that the peer answered.
    pub fn into_result<T: DeserializeOwned, E: ApiError>(self, op: &Op) -> Result<T, E> {
        match self {
            Self::Failed(problem) => Err(E::from_problem(*problem)),
            Self::Streamed(_) => Err(unreadable(op, "a stream")),
            Self::Done { body, .. } => {
                let body: &[u8] = if body.is_empty() { b"null" } else { &body };
                serde_json::from_slice(body).or_else(|_| lenient::json(body)).map_err(|e| unreadable(op, e))
            }
        }
    }

    /// The result of `op`, whose answer is not JSON.
    ///
    /// # Errors
    /// The error that the peer answered.
    pub fn into_download<E: ApiError>(self, op: &Op) -> Result<Download, E> {
        match self {
            Self::Failed(problem) => Err(E::from_problem(*problem)),
            Self::Streamed(download) => Ok(download),
            Self::Done { .. } => Err(unreadable(op, "no stream")),
        }
    }
}

fn unreadable<E: ApiError>(op: &Op, why: impl fmt::Display) -> E {
    Fault::internal(format_args!("{} answered what cannot be read: {why}", op.id)).into()
}

/// The text for unknown paths. Callers recognize by it that a peer lacks an operation: it must not change.
pub(crate) const NO_ENDPOINT: &str = "Endpoint not found";

pub(crate) fn unavailable(op: &Op) -> String {
    format!("Service {} not available", op.module)
}
