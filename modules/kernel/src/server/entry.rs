//! How a server admits requests: the gateway by the credentials of clients, the service of a module by internal tokens.

use super::request::{bearer, text};
use crate::{
    Ctx, Incoming, InternalKey, MAX_DEADLINE, Op, Problem, header,
    token::{Ticket, Verifier, missing},
};
use actix_web::{HttpMessage, HttpRequest, Route};
use std::time::Duration;

/// How a server admits requests.
pub trait Entry: Send + Sync + 'static {
    /// The path at which an operation is served; `None` when it is not.
    fn path(&self, op: &Op) -> Option<&'static str>;

    /// The context of the request: its principal, caller and deadline.
    ///
    /// # Errors
    /// A problem with the status 401 when its credentials are not valid.
    fn ctx(&self, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>>;

    /// Checks the whole request, once it has been read, and marks it if another process of the shop sent it.
    ///
    /// # Errors
    /// When its credentials are for another request.
    fn check(&self, _request: &HttpRequest, _op: &Op, _incoming: &mut Incoming) -> Result<(), Box<Problem>> {
        Ok(())
    }

    /// Adds to the route of an operation, e.g. limits.
    fn route(&self, _op: &'static Op, route: Route) -> Route {
        route
    }
}

/// The entry for other modules: operations at their own paths, callers by internal tokens.
pub struct InternalEntry {
    verifier: Verifier,
}

impl InternalEntry {
    /// Admits callers with a token signed with `key`.
    pub fn new(key: InternalKey) -> Self {
        Self { verifier: Verifier::new(key) }
    }
}

impl Entry for InternalEntry {
    fn path(&self, op: &Op) -> Option<&'static str> {
        Some(op.path)
    }

    fn ctx(&self, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>> {
        let token = bearer(request).ok_or_else(missing)?;
        let verified = self.verifier.verify(token, op)?;
        let left = text(request, header::DEADLINE).and_then(|ms| ms.parse().ok()).unwrap_or(5_000_u64);
        request.extensions_mut().insert(verified.ticket);
        Ok(Ctx::new(verified.principal, Duration::from_millis(left).min(op.within.unwrap_or(MAX_DEADLINE))).via(verified.caller))
    }

    fn check(&self, request: &HttpRequest, op: &Op, incoming: &mut Incoming) -> Result<(), Box<Problem>> {
        incoming.from_peer = true;
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let ticket = request.extensions_mut().remove::<Ticket>().ok_or_else(missing)?;
        self.verifier.redeem(&ticket, op, target, incoming.if_match.as_deref(), incoming.body.as_deref().unwrap_or_default())
    }
}

/// The largest limit on a body that the gateway can be given, in bytes.
pub const MAX_BODY: usize = 16 << 20;

/// The largest body of an internal call, in bytes: whatever the gateway takes, with room for fields that it adds when it passes
/// the body on.
pub const MAX_INTERNAL_BODY: usize = 2 * MAX_BODY;
