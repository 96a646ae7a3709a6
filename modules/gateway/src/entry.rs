//! How clients get in: the public operations, on behalf of whom their token names, within their limits.

use crate::{
    auth::{Auth, Caller},
    limits::{self, Limits},
};
use actix_web::{
    HttpMessage, HttpRequest, Route,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{CACHE_CONTROL, HeaderValue},
    middleware::{Next, from_fn},
};
use kernel::{Access, Ctx, Fault, Op, Principal, Problem, Role, server::Entry};
use std::{sync::Arc, time::Duration};

pub(crate) struct PublicEntry {
    pub(crate) auth: Arc<Auth>,
    pub(crate) limits: Limits,
    pub(crate) timeout: Duration,
}

impl Entry for PublicEntry {
    fn path(&self, op: &Op) -> Option<&'static str> {
        op.public
    }

    fn ctx(&self, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>> {
        // first, so that wrong tokens cannot be tried without limit either
        limits::check(request)?;
        let principal = match request.extensions().get::<Caller>() {
            Some(Caller::Anonymous) => Principal::Anonymous,
            Some(&Caller::User { id, role }) => Principal::User { id, role },
            // what is open to anyone stays open while the user module is down
            Some(Caller::Unverified) if op.access == Access::Anyone => Principal::Anonymous,
            // who comes for a new token has an old one, and often sends it along
            Some(Caller::Refused) if is_auth(op) => Principal::Anonymous,
            Some(Caller::Unverified) => return Err(Fault::away("Service user not available").into()),
            Some(Caller::Refused) | None => return Err(Fault::unauthenticated().into()),
        };
        Ok(Ctx::new(principal, self.timeout))
    }

    /// Around the operation, from the outside in: who calls (once per request; an admin who changes something is looked up), then the limit, which counts by it.
    fn route(&self, op: &'static Op, route: Route) -> Route {
        let (auth, limit) = (self.auth.clone(), self.limits.of(op));
        // the mailbox of development is open to anyone, and full of links that only their owners should follow
        let is_secret = is_auth(op) || op.public.is_some_and(|path| path.starts_with("/api/dev/"));
        // not only what is for admins alone: an admin may do more with what is for every user
        let may_change = !op.is_read() && op.access != Access::Anyone;
        limits::wrap(limit.as_deref(), route).wrap(from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
            let (auth, limit) = (auth.clone(), limit.clone());
            async move {
                let mut caller = auth.caller(request.request()).await;
                if let (Caller::User { id, role: Role::Admin }, true) = (caller, may_change) {
                    let trace = request.extensions().get().copied();
                    caller = auth.admin_now(id, trace).await;
                }
                request.extensions_mut().insert(caller);
                let mut response: ServiceResponse<BoxBody> = next.call(request).await?;
                if is_secret || caller != Caller::Anonymous {
                    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                }
                limits::describe(limit.as_deref(), &mut response);
                Ok(response)
            }
        }))
    }
}

/// Whether it takes passwords or answers tokens.
pub(crate) fn is_auth(op: &Op) -> bool {
    op.public.is_some_and(|path| path.starts_with("/api/auth/"))
}
