//! Starts the gateway.

use crate::{
    app::{Gateway, Parts},
    auth::Auth,
    config::Config,
    docs::Docs,
    document::openapi,
    entry::PublicEntry,
    headers::Origins,
    health::Watch,
    home::Home,
    limits::Limits,
    security::Contact,
};
use kernel::{BoxError, Dispatch, Instances, jobs::Jobs};
use std::{sync::Arc, time::Duration};
use user::UserClient;

/// Starts the gateway and its `jobs`.
///
/// `modules` are clients in the name of the gateway, `users` is the source of keys and ended sessions, and `watched` are the
/// modules of `/health`.
///
/// # Errors
/// When a setting is invalid.
pub fn start(
    config: &Config,
    modules: Vec<Arc<dyn Dispatch>>,
    users: UserClient,
    watched: Vec<(&'static str, Instances)>,
    jobs: &Jobs,
) -> Result<Gateway, BoxError> {
    let origins = Origins::new(&config.cors_origins)?;
    let limits = Limits::start(config, &modules, jobs)?;
    metrics::describe_gauge!(
        "souk_gateway_ended_sessions_age_seconds",
        metrics::Unit::Seconds,
        "Age of the list of ended sessions"
    );
    let auth = Auth::start(users.called_by(kernel::GATEWAY), jobs);
    let entry = PublicEntry { auth, limits, timeout: Duration::from_millis(config.request_timeout_ms.max(1)) };
    let api = openapi(&modules);
    let security = Contact::new(&config.security_contact)?;
    Ok(Gateway(Arc::new(Parts {
        home: Home::new(config.swagger, config.mailbox, security.is_some()),
        modules,
        entry: Arc::new(entry),
        max_body: config.max_body_bytes,
        origins,
        health: Watch::start(watched, Duration::from_secs(config.health_cache_seconds.max(1)), jobs),
        jobs: jobs.clone(),
        docs: config.swagger.then(|| Docs::new(&api)).transpose()?,
        has_mailbox: config.mailbox,
        security,
        hsts: (config.hsts_seconds > 0).then(|| format!("max-age={}", config.hsts_seconds)),
        api,
    })))
}
