//! The servers to load: the bare handler, the shop in one process, and the shop split. All run at once, all but one of them idle.

use crate::{
    PRODUCTS,
    process::{Process, Started, command, listen, settle, souk},
    seeing,
};
use anyhow::{Context, ensure};
use std::{env, fs, net::SocketAddr, path::Path, process::Command};

/// A server to load.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    processes: Vec<Process>,
}

/// Settings under which no request writes a line to the log and no call is refused.
const QUIET: &[(&str, &str)] = &[("SOUK_LOG__FILTER", "warn"), ("SOUK_GATEWAY__LIMITS", "off")];
/// Default settings, except that the limits, which still count calls, are a million times higher.
const DEFAULTS: &[(&str, &str)] = &[("SOUK_GATEWAY__LIMITS", "1000000")];

/// Adds the products and starts bare, one process and split, in this order. Split has a copy of the stores, because two shops
/// must not share them.
pub(crate) fn start(folder: &Path, defaults: bool) -> anyhow::Result<Vec<Server>> {
    let souk = souk()?;
    let data = |name: &str| folder.join(name);
    seed(&souk, folder, &data("one"))?;
    for copy in ["split", "defaults"] {
        copy_products(&data("one"), &data(copy))?;
    }

    let mut bare = Command::new(env::current_exe()?);
    bare.arg("bare").arg(data("one").join("product.db"));
    let mut servers = vec![
        server("bare actix-web and sqlx", vec![listen(bare)?])?,
        server("souk, one process", vec![serve(&souk, folder, &data("one"), QUIET)?])?,
        server("souk, split", split(&souk, folder, &data("split"))?)?,
    ];
    if defaults {
        servers.push(server("souk, one process, logs and limits on", vec![serve(&souk, folder, &data("defaults"), DEFAULTS)?])?);
    }
    Ok(servers)
}

/// One process for each way to see what it does.
pub(crate) fn seeing(folder: &Path) -> anyhow::Result<Vec<Server>> {
    let (souk, first) = (souk()?, folder.join("first"));
    seed(&souk, folder, &first)?;
    let start = |(number, (name, settings)): (usize, seeing::Way)| {
        let data = folder.join(number.to_string());
        copy_products(&first, &data)?;
        let settings: Vec<_> =
            QUIET.iter().copied().chain(settings.iter().map(|(name, value)| (*name, value.as_str()))).collect();
        server(name, vec![serve(&souk, folder, &data, &settings)?])
    };
    seeing::ways(seeing::collector()?).into_iter().enumerate().map(start).collect()
}

fn seed(souk: &Path, folder: &Path, data: &Path) -> anyhow::Result<()> {
    let seeded =
        command(souk, folder, data, QUIET).args(["seed", "--products", &PRODUCTS.to_string(), "--variants", "1"]).output()?;
    ensure!(seeded.status.success(), "souk seed: {}", String::from_utf8_lossy(&seeded.stderr));
    settle(&data.join("product.db"))
}

fn copy_products(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    fs::copy(from.join("product.db"), to.join("product.db"))?;
    Ok(())
}

impl Server {
    /// Seconds of processor time that its processes have used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        self.processes.iter().map(Process::cpu).sum()
    }
}

fn serve(souk: &Path, folder: &Path, data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Started> {
    let mut command = command(souk, folder, data, settings);
    command.arg("serve");
    listen(command)
}

/// Each module in a process of its own; the last is the gateway, which is loaded.
fn split(souk: &Path, folder: &Path, data: &Path) -> anyhow::Result<Vec<Started>> {
    let mut started: Vec<Started> = Vec::new();
    let mut peers = Vec::new();
    // in an order in which the addresses that each needs are known
    for name in ["notification", "product", "user", "payment", "cart", "order", "gateway"] {
        let mut command = command(souk, folder, data, QUIET);
        command.args(["serve", "--only", name]).envs(peers.iter().cloned());
        let (process, address) = listen(command)?;
        peers.push((format!("{}_SERVICE_URL", name.to_uppercase()), format!("http://{address}")));
        started.push((process, address));
    }
    Ok(started)
}

fn server(name: &'static str, started: Vec<Started>) -> anyhow::Result<Server> {
    let address = started.last().context("no process")?.1;
    Ok(Server { name, address, processes: started.into_iter().map(|(process, _)| process).collect() })
}
