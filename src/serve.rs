//! Listens, answers, and stops without cutting anyone off.

use crate::{
    assembly::{self, Face, Shop},
    config::{Module, Settings},
};
use actix_http::{Request, Response};
use actix_service::IntoServiceFactory;
use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{AppConfig, Server, ServiceFactory},
    web,
};
use anyhow::Context;
use kernel::{
    Dispatch, Health, InternalKey,
    jobs::{self, Jobs},
    server::{Entry, InternalEntry, Limits, health, mount, not_found, probes},
    telemetry::{self, RequestSpan},
};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{
    fmt::Debug,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_actix_web::TracingLogger;

/// Serves until interrupted or terminated.
pub(crate) async fn serve(settings: Settings, only: Option<Module>) -> anyhow::Result<()> {
    let port = settings.port.unwrap_or_else(|| only.unwrap_or(Module::Gateway).default_port());
    let address = SocketAddr::new(settings.bind, port);
    // before anything else is started: a port that is taken is the commonest mistake
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;

    let jobs = Jobs::default();
    jobs::run_writes_here();
    // the recorder comes first: clients take their meters from it when they are made
    let metrics = telemetry::start_metrics().map_err(anyhow::Error::msg)?;
    telemetry::keep_metrics(metrics.clone(), &jobs);
    let shop = assembly::assemble(&settings, only, &metrics, &jobs).await?;
    let server = listen(listener, &settings, shop, metrics)?;
    // from here on a signal is a wish to stop, even one that comes before the first request
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let handle = server.handle();
    let mut running = tokio::spawn(server);
    announce(address, only, &settings);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = &mut running => return ended?.context("server"),
    }
    tracing::info!("stopping: no new connections; requests that run are finished");
    jobs.stopping().cancel();
    handle.stop(true).await;
    running.await?.context("server")
}

fn listen(listener: TcpListener, settings: &Settings, shop: Shop, metrics: PrometheusHandle) -> anyhow::Result<Server> {
    match shop.face {
        #[cfg(feature = "gateway")]
        Face::Gateway(gateway) => start(move || gateway.app(), listener, settings),
        Face::Module { module, key } => {
            let configure = module_app(module, key, shop.stores, metrics);
            let app = move || App::new().wrap(TracingLogger::<RequestSpan>::new()).configure(configure.clone());
            start(app, listener, settings)
        }
    }
}

fn start<F, I, S, B>(app: F, listener: TcpListener, settings: &Settings) -> anyhow::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let mut server = HttpServer::new(app)
        .client_request_timeout(Duration::from_secs(10))
        .keep_alive(Duration::from_secs(75))
        .shutdown_timeout(10)
        .disable_signals();
    if let Some(workers) = settings.workers {
        server = server.workers(workers.max(1));
    }
    Ok(server.listen(listener)?.run())
}

/// A single module's own operations, for other modules.
fn module_app(
    module: Arc<dyn Dispatch>,
    key: InternalKey,
    stores: Vec<Arc<dyn Health>>,
    metrics: PrometheusHandle,
) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let entry: Arc<dyn Entry> = Arc::new(InternalEntry::new(key));
    let name = module.ops().first().map_or("", |op| op.module);
    move |cfg| {
        health(cfg, name, stores.clone());
        probes(cfg, stores.clone(), metrics.clone());
        mount(cfg, std::slice::from_ref(&module), &entry, Limits::internal());
        cfg.default_service(web::to(not_found));
    }
}

/// Tells where the shop is. Scripts and tests read the line with the address.
#[expect(clippy::print_stdout, reason = "what a person who starts the program wants to see")]
fn announce(address: SocketAddr, only: Option<Module>, settings: &Settings) {
    let name = only.unwrap_or(Module::Gateway).name();
    println!("{name} listening on http://{address}");
    if only.is_none_or(|only| only == Module::Gateway) {
        println!("  Swagger UI   http://{address}/docs");
        #[cfg(feature = "gateway")]
        if settings.gateway.mailbox {
            println!("  mailbox      http://{address}/dev/mailbox");
        }
    }
    #[cfg(feature = "user")]
    if settings.demo && only.is_none_or(|only| only == Module::User) {
        for account in user::DEMO_ACCOUNTS {
            println!("  demo account {}  {}  (development only)", account.email, account.password);
        }
    }
    #[cfg(not(feature = "user"))]
    let _ = settings;
}
