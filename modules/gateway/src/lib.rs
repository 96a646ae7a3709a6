//! The door of the shop: the public operations of all modules, and the duties that they share.
//!
//! A request passes, from the outside in:
//! 1. the log and the trace (`kernel::telemetry`), so that everything below is measured;
//! 2. `kernel::server::front`: malformed requests, headers that keep browsers careful, and errors of the framework in the form of ours;
//! 3. CORS (`headers.rs`), which answers preflights and so comes before anything that wants a token;
//! 4. the router, which knows the operations, `/health`, `/livez`, `/openapi.json`, `/docs`, `/dev/mailbox` and `security.txt`;
//! 5. for operations only: who calls (`auth.rs`), then how often (`limits.rs`), then the operation (`entry.rs`).
//!
//! No 5 is the same for all operations: identity comes from the access token alone, whatever other headers say.
//! What cannot be read as HTTP at all (a bad request line, too many headers) is answered by actix-http with an empty 400 or 431
//! before any of this, and the name of a header that is too long for it by `kernel::server`.

mod auth;
mod client;
mod config;
mod docs;
mod entry;
mod headers;
mod health;
#[cfg_attr(not(feature = "actix-governor"), path = "unlimited.rs")]
mod limits;
mod mailbox;
mod security;

pub use client::Network;
pub use config::{Config, Limiting};
pub use docs::openapi;

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::STRICT_TRANSPORT_SECURITY,
    middleware::{DefaultHeaders, from_fn},
    web,
};
use entry::PublicEntry;
use kernel::{
    BoxError, Dispatch, Instances,
    jobs::Jobs,
    ops,
    server::{self, Entry},
    telemetry::RequestSpan,
};
use std::{sync::Arc, time::Duration};
use tracing_actix_web::TracingLogger;
use user::UserClient;
use utoipa::openapi::OpenApi;

/// The gateway. Cheap to clone: every worker of a server makes its app from the same one.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

struct Parts {
    modules: Vec<Arc<dyn Dispatch>>,
    entry: Arc<dyn Entry>,
    max_body: usize,
    origins: headers::Origins,
    health: health::Watch,
    jobs: Jobs,
    api: OpenApi,
    docs: Option<docs::Docs>,
    has_mailbox: bool,
    security: Option<security::Contact>,
    hsts: Option<String>,
}

/// Starts the gateway and its `jobs`.
///
/// `modules` are clients in the gateway's hands, `users` is where keys and ended sessions come from, `watched` is what `/health`
/// tells about.
///
/// # Errors
/// When a setting is wrong.
pub fn start(
    config: &Config,
    modules: Vec<Arc<dyn Dispatch>>,
    users: UserClient,
    watched: Vec<(&'static str, Instances)>,
    jobs: &Jobs,
) -> Result<Gateway, BoxError> {
    let origins = headers::Origins::new(&config.cors_origins)?;
    let limits = limits::Limits::start(config, &modules, jobs)?;
    let auth = auth::Auth::start(users.called_by("gateway"), jobs);
    let entry = PublicEntry { auth, limits, timeout: Duration::from_millis(config.request_timeout_ms.max(1)) };
    let api = openapi(&modules);
    Ok(Gateway(Arc::new(Parts {
        modules,
        entry: Arc::new(entry),
        max_body: config.max_body_bytes,
        origins,
        health: health::Watch::start(watched, Duration::from_secs(config.health_cache_seconds.max(1)), jobs),
        jobs: jobs.clone(),
        docs: config.swagger.then(|| docs::Docs::new(&api)).transpose()?,
        has_mailbox: config.mailbox,
        security: security::Contact::new(&config.security_contact)?,
        hsts: (config.hsts_seconds > 0).then(|| format!("max-age={}", config.hsts_seconds)),
        api,
    })))
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

    /// The routes alone, without what [`Gateway::app`] wraps around them.
    pub fn configure(&self, cfg: &mut web::ServiceConfig) {
        let parts = &self.0;
        server::mount(cfg, &parts.modules, &parts.entry, parts.max_body);
        let health = parts.health.clone();
        cfg.service(web::resource("/health").route(server::reading().to(move || health.clone().answer())));
        ops::livez(cfg);
        match &parts.docs {
            Some(docs) => docs.configure(cfg),
            None => docs::configure_without(cfg),
        }
        if let Some(contact) = &parts.security {
            contact.configure(cfg);
        }
        if parts.has_mailbox {
            mailbox::configure(cfg);
        }
    }

    /// The document that it serves.
    pub fn openapi(&self) -> OpenApi {
        self.0.api.clone()
    }
}
