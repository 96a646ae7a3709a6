//! A plain TCP balancer in front of the gateways, as in a cloud: it asks each backend whether it is ready, gives a new connection
//! to the next ready one, and copies bytes without reading them.

use crate::process::Process;
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How often it asks.
const PERIOD: Duration = Duration::from_millis(100);

/// A running balancer. It ends, and its connections with it, when it is dropped.
pub(crate) struct Balancer {
    _work: JoinSet<()>,
}

struct Backend {
    port: u16,
    is_ready: AtomicBool,
}

impl Balancer {
    /// Listens at `port` for these backends.
    pub(crate) async fn start(port: u16, processes: impl Iterator<Item = &Process>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).pool_max_idle_per_host(0).build()?;
        let (mut work, mut backends) = (JoinSet::new(), Vec::new());
        for process in processes {
            let backend = Arc::new(Backend { port: process.port(), is_ready: AtomicBool::new(false) });
            let url = format!("http://127.0.0.1:{}/readyz", process.ops_port);
            work.spawn(watch(backend.clone(), http.clone(), url));
            backends.push(backend);
        }
        work.spawn(balance(listener, backends.into()));
        Ok(Self { _work: work })
    }
}

async fn watch(backend: Arc<Backend>, http: reqwest::Client, url: String) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let is_ready = http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success());
        backend.is_ready.store(is_ready, Ordering::Relaxed);
    }
}

async fn balance(listener: TcpListener, backends: Arc<[Arc<Backend>]>) {
    let (mut connections, next) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    while let Ok((mut client, _)) = listener.accept().await {
        let (backends, first) = (backends.clone(), next.fetch_add(1, Ordering::Relaxed));
        connections.spawn(async move {
            let Some(mut backend) = connect(&backends, first).await else { return };
            // both ends notice a broken connection by themselves
            drop(client.set_nodelay(true).and_then(|()| backend.set_nodelay(true)));
            drop(copy_bidirectional(&mut client, &mut backend).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Connects to the ready backends in turn. If none accepts, connects to any other, as clouds do: a shop that is not ready answers
/// better than a balancer.
async fn connect(backends: &[Arc<Backend>], first: usize) -> Option<TcpStream> {
    let in_turn = (0..backends.len()).map(|n| &backends[(first + n) % backends.len()]);
    let (ready, others): (Vec<_>, Vec<_>) = in_turn.partition(|backend| backend.is_ready.load(Ordering::Relaxed));
    for backend in ready.into_iter().chain(others) {
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, backend.port)).await {
            return Some(stream);
        }
    }
    None
}
