//! `souk health`: asks the process that runs here with the same settings whether it is ready.

use crate::{config::Settings, modules::Module, serve};
use anyhow::{Context, bail};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// How long the process may take to answer: longer than its own checks, shorter than the patience of who asks.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks the operations listener of a process that serves `only` this module, or everything.
///
/// # Errors
/// The process is not ready, with its failed checks, or does not answer.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings, only: Option<Module>) -> anyhow::Result<()> {
    let address = serve::ops_address(settings, serve::port(settings, only)).context("ops_bind is off: nobody can be asked")?;
    // what listens at all addresses is asked at one of them
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let url = format!("http://{}/readyz", std::net::SocketAddr::new(ip, address.port()));
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let answer = client.get(&url).send().await.map_err(|_| anyhow::anyhow!("{url} does not answer"))?;
    let is_ready = answer.status().is_success();
    let checks = answer.text().await.with_context(|| format!("{url} does not answer"))?;
    if !is_ready {
        bail!("not ready: {}", checks.trim());
    }
    println!("ready");
    Ok(())
}
