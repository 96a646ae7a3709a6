//! `souk serve`: listens, answers, and finishes all requests before it stops.

use crate::{
    assembly::{self, Endpoint, Shop},
    config::{OpsBind, Settings},
    modules::Module,
};
use actix_web::{App, dev::Server, middleware::from_fn, web};
use anyhow::Context;
use kernel::{
    Dispatch, Health, InternalKey,
    jobs::Jobs,
    ops::{self, Ops, Readiness},
    server::{Entry, InternalEntry, MAX_INTERNAL_BODY, Serving, close_when_draining, front, health, listen, mount, not_found},
    telemetry::{self, Log, RequestSpan},
    writes,
};
use socket2::{Domain, Socket, Type};
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_actix_web::TracingLogger;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 2048;

/// Serves until interrupted or terminated.
pub(crate) async fn serve(settings: Settings, only: Option<Module>, log: &Log) -> anyhow::Result<()> {
    // first, so that a signal stops the process in order, however early it comes
    let mut stop = StopSignals::new()?;
    let port = port(&settings, only);
    // before anything else is started: a port in use is the most common mistake
    let listener = bind(SocketAddr::new(settings.bind, port), "")?;
    let ops_listener = ops_address(&settings, port).map(|address| bind(address, " (ops_bind)")).transpose()?;
    let (address, ops_address) = (listener.local_addr()?, ops_listener.as_ref().map(TcpListener::local_addr).transpose()?);

    let has_data = settings.data.exists();
    let jobs = Jobs::default();
    writes::run_here();
    // before clients are made, because they take their meters from the recorder
    let metrics = telemetry::start_metrics().map_err(anyhow::Error::msg)?;
    telemetry::keep_metrics(metrics.clone(), &jobs);
    metrics::describe_gauge!("souk_build_info", "1; the labels are the version and the commit of the program");
    metrics::gauge!("souk_build_info", "version" => env!("CARGO_PKG_VERSION"), "commit" => env!("BUILT_COMMIT")).set(1.0);
    log.measure(&jobs);
    // this waits for no store: the process is alive at once, and ready when its stores are
    let Shop { endpoint, stores, peers } = assembly::assemble(&settings, only, &jobs).await?;
    let needed = stores.into_iter().chain([Arc::new(jobs.clone()) as Arc<dyn Health>]).collect();
    let readiness = Readiness::new(needed);
    let ops = Ops { readiness: readiness.clone(), metrics, jobs: jobs.clone(), peers, log: Some(log.filter()) };
    let ops = ops_listener.map(|listener| ops.serve(listener, settings.timeouts)).transpose()?;
    let ops = ops.map(|(server, handle)| (tokio::spawn(server), handle));
    let server = serve_endpoint(listener, &settings, endpoint, readiness, &jobs)?;
    let handle = server.handle();
    let mut running = tokio::spawn(server);
    announce(address, ops_address, only, &settings);
    announce_data(&settings.data, has_data);
    tokio::select! {
        () = stop.received() => {}
        ended = &mut running => return ended?.context("server"),
    }

    // not ready: in this pause, balancers and callers notice; connections are still accepted, and closed with their answer
    jobs.drain();
    let pause = Duration::from_secs(settings.drain_seconds);
    tracing::info!(drain_seconds = settings.drain_seconds, "stopping: not ready any more");
    // a second signal skips the pause
    drop(tokio::time::timeout(pause, stop.received()).await);
    tracing::info!("stopping: no new connections; finishing requests and jobs");
    handle.stop(true).await;
    running.await?.context("server")?;
    let patience = Duration::from_secs(settings.shutdown_seconds);
    let (writes, jobs) = tokio::join!(writes::ended(patience), jobs.end(patience));
    if !(writes && jobs) {
        tracing::warn!("stopping: some background work did not finish in time, and is cut off");
    }
    if let Some((ops, handle)) = ops {
        handle.stop(false).await;
        ops.await?.context("operations")?;
    }
    Ok(())
}

/// The signals by which an operator stops the process.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // the port can be used again right after the process before has ended
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok::<_, std::io::Error>(socket.into())
    };
    bind().with_context(|| format!("cannot listen on {address}{setting}"))
}

/// The port of a process that serves `only` this module, or everything.
pub(crate) fn port(settings: &Settings, only: Option<Module>) -> u16 {
    settings.port.unwrap_or_else(|| only.unwrap_or(Module::Gateway).default_port())
}

/// The address of the operations listener, if there is one.
pub(crate) fn ops_address(settings: &Settings, port: u16) -> Option<SocketAddr> {
    /// Distance from the port of customers.
    const OFFSET: u16 = 100;
    match settings.ops_bind {
        OpsBind::Off => None,
        OpsBind::At(ip, Some(port)) => Some(SocketAddr::new(ip, port)),
        // port 0 is any free port, for both
        OpsBind::At(ip, None) => Some(SocketAddr::new(ip, if port == 0 { 0 } else { port.saturating_add(OFFSET) })),
    }
}

fn serve_endpoint(
    listener: TcpListener,
    settings: &Settings,
    endpoint: Endpoint,
    readiness: Readiness,
    jobs: &Jobs,
) -> anyhow::Result<Server> {
    let Settings { workers, shutdown_seconds, timeouts, .. } = *settings;
    let serving = Serving { workers, shutdown_seconds, timeouts };
    Ok(match endpoint {
        #[cfg(feature = "gateway")]
        Endpoint::Gateway(gateway) => listen(move || gateway.app(), listener, serving)?,
        Endpoint::Module { module, key } => {
            let configure = module_app(module, key, readiness);
            let jobs = jobs.clone();
            let app = move || {
                let jobs = jobs.clone();
                App::new()
                    .wrap(from_fn(front))
                    .wrap(from_fn(move |request, next| close_when_draining(jobs.clone(), request, next)))
                    .wrap(TracingLogger::<RequestSpan>::new())
                    .configure(configure.clone())
            };
            listen(app, listener, serving)?
        }
    })
}

/// A single module's own operations, for other modules.
fn module_app(module: Arc<dyn Dispatch>, key: InternalKey, readiness: Readiness) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let entry: Arc<dyn Entry> = Arc::new(InternalEntry::new(key));
    let name = module.ops().first().map_or("", |op| op.module);
    move |cfg| {
        health(cfg, name, readiness.clone());
        ops::livez(cfg);
        mount(cfg, std::slice::from_ref(&module), &entry, MAX_INTERNAL_BODY);
        cfg.default_service(web::to(not_found));
    }
}

/// Prints the addresses of the shop. Scripts and tests read these lines.
#[expect(clippy::print_stdout, reason = "for the person who starts the program")]
fn announce(address: SocketAddr, ops: Option<SocketAddr>, only: Option<Module>, settings: &Settings) {
    let name = only.unwrap_or(Module::Gateway).name();
    println!("{name} listening on http://{address}");
    if let Some(ops) = ops {
        println!("  operations   http://{ops}");
    }
    if only.is_none_or(|only| only == Module::Gateway) {
        #[cfg(feature = "gateway")]
        if settings.gateway.swagger {
            println!("  Swagger UI   http://{address}/docs");
        }
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

/// Prints the data folder: the program, started in another folder, is another shop.
#[expect(clippy::print_stdout, reason = "for the person who starts the program")]
fn announce_data(data: &Path, was_there: bool) {
    // it is missing if nothing has needed it yet
    if let Ok(path) = data.canonicalize() {
        println!("  data         {}{}", path.display(), if was_there { "" } else { " (new)" });
    }
}
