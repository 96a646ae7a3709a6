//! A module as seen by servers and the loopback: it answers requests.

use crate::{BoxFuture, Ctx, Incoming, Op, Reply};
use std::sync::Arc;

/// Implemented by every generated client: decodes the arguments of an operation, calls it and encodes its result.
///
/// There is one per module and no framework in it, so that the server, the loopback and the tests share the same code.
pub trait Dispatch: Send + Sync + 'static {
    /// The operations, in the order of the trait.
    fn ops(&self) -> &'static [Op];

    /// Answers one request for `self.ops()[index]`.
    fn dispatch(self: Arc<Self>, index: usize, cx: Ctx, incoming: Incoming) -> BoxFuture<Reply>;

    /// The OpenAPI document of the operations, at their own paths, internal ones included.
    fn openapi(&self) -> utoipa::openapi::OpenApi;
}
