//! One process of the shop: kills, stops, restarts and probes it.

use crate::servers::Server;
use anyhow::{Context, bail};
use reqwest::Client;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

/// How long a process may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of the shop. It is killed when it is dropped.
pub(crate) struct Process {
    /// The module that it serves; `gateway` also for the whole shop in one process.
    pub(crate) module: &'static str,
    /// The address of its operations listener.
    pub(crate) ops_port: u16,
    server: Server,
    http: Client,
}

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) after: Duration,
    pub(crate) status: ExitStatus,
}

/// The answer of `/readyz`.
#[derive(serde::Deserialize)]
pub(crate) struct Readiness {
    status: String,
    checks: BTreeMap<String, String>,
}

impl Readiness {
    pub(crate) fn is_ready(&self) -> bool {
        self.status == "ready"
    }

    /// Whether `check`, such as `order.database`, has failed.
    pub(crate) fn misses(&self, check: &str) -> bool {
        self.checks.get(check).is_some_and(|word| word != "ok")
    }

    /// All failed checks, for people.
    pub(crate) fn missing(&self) -> String {
        let missing = self.checks.iter().filter(|(_, word)| *word != "ok");
        missing.map(|(check, word)| format!("{check}: {word}")).collect::<Vec<_>>().join("; ")
    }
}

impl Process {
    /// An instance of `module` at `port`, with its operations listener at `ops_port`. It is not started yet.
    pub(crate) fn new(
        folder: &Path,
        module: &'static str,
        instance: usize,
        [port, ops_port]: [u16; 2],
        mut command: Command,
    ) -> anyhow::Result<Self> {
        command.env("PORT", port.to_string()).env("SOUK_OPS_BIND", format!("127.0.0.1:{ops_port}"));
        let server = Server::new(folder, format!("souk-{module}-{instance}"), port, command);
        // a new connection for each request: an old one would break when the process ends
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(5)).pool_max_idle_per_host(0).build()?;
        Ok(Self { module, ops_port, server, http })
    }

    /// Its module and its number, e.g. `souk-order-2`.
    pub(crate) fn name(&self) -> &str {
        self.server.name()
    }

    /// The address at which it serves.
    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    pub(crate) fn log(&self) -> &PathBuf {
        self.server.log()
    }

    /// Starts it, without waiting for anything.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        self.server.start()
    }

    /// Sends it a signal and waits until it has ended.
    pub(crate) async fn end(&mut self, signal: &str) -> anyhow::Result<Ended> {
        let started = Instant::now();
        let status = self.server.end(signal).await?.context("it does not run")?;
        Ok(Ended { after: started.elapsed(), status })
    }

    /// Kills it, starts it again at once, and waits until it is alive; returns how long that took.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.end("KILL").await?;
        self.start()?;
        self.lives().await?;
        Ok(started.elapsed())
    }

    /// Whether it runs, as it should.
    pub(crate) fn runs(&mut self) -> anyhow::Result<bool> {
        self.server.runs()
    }

    /// Waits until it is alive; returns how long that took.
    pub(crate) async fn lives(&self) -> anyhow::Result<Duration> {
        self.answers("livez").await
    }

    /// Waits until it is ready; returns how long that took.
    pub(crate) async fn ready(&self) -> anyhow::Result<Duration> {
        self.answers("readyz").await
    }

    /// Its readiness.
    pub(crate) async fn readiness(&self) -> anyhow::Result<Readiness> {
        Ok(self.http.get(self.url("readyz")).send().await?.json().await?)
    }

    async fn answers(&self, path: &str) -> anyhow::Result<Duration> {
        let (url, started) = (self.url(path), Instant::now());
        while !self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if started.elapsed() > PATIENCE {
                bail!("{} does not answer /{path}:\n{}", self.name(), self.server.last_words());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(started.elapsed())
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.ops_port)
    }
}
