//! The app of the gateway: the routes, and the middleware around them.
//!
//! A request passes, from the outside in:
//! 1. the log and the trace (`kernel::telemetry`), which measure everything below;
//! 2. `kernel::server::front`: malformed requests, security headers, and errors of the framework as problem documents;
//! 3. CORS (`headers.rs`), which answers preflights, before anything that needs a token;
//! 4. the router with the operations, the page at `/`, `/health`, `/livez`, `/openapi.json`, `/docs`, `/dev/mailbox` and `security.txt`;
//! 5. for operations only: the caller (`auth.rs`), then the limit (`limits.rs`), then the operation (`entry.rs`).
//!
//! Step 5 is the same for all operations: the caller comes from the access token alone, whatever other headers contain. Bytes
//! that cannot be read as HTTP (a bad request line, too many headers) are answered by actix-http with an empty 400 or 431 before
//! all this, and a header name that is too long for it by `kernel::server`.

use crate::{docs, headers, health, home, mailbox, security};
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::STRICT_TRANSPORT_SECURITY,
    middleware::{DefaultHeaders, from_fn},
    web,
};
use kernel::{
    Dispatch,
    jobs::Jobs,
    ops,
    server::{self, Entry},
    telemetry::RequestSpan,
};
use std::sync::Arc;
use tracing_actix_web::TracingLogger;
use utoipa::openapi::OpenApi;

/// The gateway. Cheap to clone: all workers of a server share it.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) modules: Vec<Arc<dyn Dispatch>>,
    pub(crate) entry: Arc<dyn Entry>,
    pub(crate) max_body: usize,
    pub(crate) origins: headers::Origins,
    pub(crate) health: health::Watch,
    pub(crate) jobs: Jobs,
    pub(crate) api: OpenApi,
    pub(crate) home: home::Home,
    pub(crate) docs: Option<docs::Docs>,
    pub(crate) has_mailbox: bool,
    pub(crate) security: Option<security::Contact>,
    pub(crate) hsts: Option<String>,
}

impl Gateway {
    /// The app of one worker: `kernel::server::listen(move || gateway.app(), …)`.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        let jobs = self.0.jobs.clone();
        let hsts = self
            .0
            .hsts
            .iter()
            .fold(DefaultHeaders::new(), |headers, value| headers.add((STRICT_TRANSPORT_SECURITY, value.as_str())));
        App::new()
            .configure(|cfg| self.configure(cfg))
            .default_service(web::to(server::not_found))
            .wrap(self.0.origins.cors())
            .wrap(from_fn(server::front))
            .wrap(hsts)
            .wrap(from_fn(move |request, next| server::close_when_draining(jobs.clone(), request, next)))
            .wrap(TracingLogger::<RequestSpan>::new())
    }

    /// The routes without the middleware of [`Gateway::app`].
    pub fn configure(&self, cfg: &mut web::ServiceConfig) {
        let parts = &self.0;
        server::mount(cfg, &parts.modules, &parts.entry, parts.max_body);
        let health = parts.health.clone();
        cfg.service(web::resource("/health").route(server::reading().to(move || health.clone().answer())));
        ops::livez(cfg);
        parts.home.configure(cfg);
        if let Some(docs) = &parts.docs {
            docs.configure(cfg);
        }
        if let Some(contact) = &parts.security {
            contact.configure(cfg);
        }
        if parts.has_mailbox {
            mailbox::configure(cfg);
        }
    }

    /// The document at `/openapi.json`.
    pub fn openapi(&self) -> OpenApi {
        self.0.api.clone()
    }
}
