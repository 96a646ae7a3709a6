//! Entry of the public operations: the caller by its access token, the limit, and the deadline.

use crate::{
    auth::{Auth, Caller},
    limits::{self, Limits},
    operations::is_auth,
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
        // first, so that invalid tokens are limited, too
        limits::check(request)?;
        let principal = match request.extensions().get::<Caller>() {
            Some(Caller::Anonymous) => Principal::Anonymous,
            Some(&Caller::User { id, role }) => Principal::User { id, role },
            // operations for anyone stay open while the user module is down
            Some(Caller::Unverified) if op.access == Access::Anyone => Principal::Anonymous,
            // clients that need a new token often send an old one along
            Some(Caller::Refused) if is_auth(op) => Principal::Anonymous,
            Some(Caller::Unverified) => return Err(Fault::away("Service user not available").into()),
            Some(Caller::Refused) | None => return Err(Fault::unauthenticated().into()),
        };
        Ok(Ctx::new(principal, op.within.unwrap_or(self.timeout)))
    }

    /// Around the operation, from the outside in: the caller (determined once per request; an admin who changes something is
    /// verified with the user module), then the limit of the caller.
    fn route(&self, op: &'static Op, route: Route) -> Route {
        let (auth, limit) = (self.auth.clone(), self.limits.of(op));
        // the development mailbox is open to anyone and contains secret links
        let is_secret = is_auth(op) || op.public.is_some_and(|path| path.starts_with("/api/dev/"));
        // not only operations for admins: in operations for users an admin may do more
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
                let may_be_kept = response.headers().contains_key(CACHE_CONTROL);
                if is_secret || caller != Caller::Anonymous && !may_be_kept {
                    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                }
                limits::describe(limit.as_deref(), &mut response);
                Ok(response)
            }
        }))
    }
}
