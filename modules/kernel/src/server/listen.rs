//! Servers: connections with time limits, below an app of actix-web.

use super::connection::{Connection, Timeouts};
use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Server},
};
use std::{fmt::Debug, io, net::TcpListener};
use tokio::net::TcpStream;

/// How a server serves.
#[derive(Debug, Clone, Copy)]
pub struct Serving {
    /// Threads; without it one per core.
    pub workers: Option<usize>,
    /// How long connections may take to end when the server is stopped, in seconds.
    pub shutdown_seconds: u64,
    /// How long the other end may take.
    pub timeouts: Timeouts,
}

/// Serves the app that `app` makes for each worker. Signals are left to the caller.
///
/// This is `actix_web::HttpServer`, which takes no other connections than its own.
///
/// # Errors
/// When the listener cannot be used.
pub fn listen<F, I, S, B>(app: F, listener: TcpListener, serving: Serving) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let Serving { workers, shutdown_seconds, timeouts } = serving;
    let mut server = Server::build().shutdown_timeout(shutdown_seconds).disable_signals();
    if let Some(workers) = workers {
        server = server.workers(workers.max(1));
    }
    let address = listener.local_addr()?;
    let stopping = server.graceful_shutdown_signal();
    let factory = move || {
        let stopping = stopping.clone();
        let app = app().into_factory().map_err(|e| e.into().error_response());
        // the name of the server in it is for requests without one, and nothing asks for it
        let app = map_config(app, |()| AppConfig::default());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(timeouts.idle()))
            .client_request_timeout(timeouts.head())
            .client_disconnect_timeout(std::time::Duration::from_secs(1))
            .local_addr(address)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.exchange());
            })
            .finish(app);
        fn_service(move |io: TcpStream| async move {
            let peer = io.peer_addr().ok();
            Ok((Connection::new(io, timeouts), Protocol::Http1, peer))
        })
        .and_then(http)
    };
    Ok(server.listen(address.to_string(), listener, factory)?.run())
}
