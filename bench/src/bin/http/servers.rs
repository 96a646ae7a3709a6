//! The servers to load: the bare handler, the shop in one process, and the shop split. All run at once, all but one of them idle.

use crate::{PRODUCTS, seeing};
use anyhow::{Context, ensure};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A server to load.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    processes: Vec<Process>,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(self.0.kill());
        drop(self.0.wait());
    }
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
    let seeded = command(souk, folder, data, QUIET).args(["seed", "--products", &PRODUCTS.to_string()]).output()?;
    ensure!(seeded.status.success(), "souk seed: {}", String::from_utf8_lossy(&seeded.stderr));
    settle(&data.join("product.db"))
}

fn copy_products(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    fs::copy(from.join("product.db"), to.join("product.db"))?;
    Ok(())
}

/// Moves the write-ahead log into the database file, so that the file is complete by itself.
fn settle(database: &Path) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(database).connect().await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
        Ok(connection.close().await?)
    })
}

impl Server {
    /// Seconds of processor time that its processes have used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        self.processes.iter().map(|process| seconds(process.0.id())).sum()
    }
}

/// proc_pid_stat(5): the 14th and 15th field, in hundredths of a second. The second one, in parentheses, may have blanks.
fn seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("a server has ended")?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()? / 100.0)
}

type Started = (Process, SocketAddr);

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

/// A command of souk with no other settings than these.
fn command(souk: &Path, folder: &Path, data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(souk);
    // the folder has no config/
    command.current_dir(folder).env_clear().env("SOUK_DATA", data).env("SOUK_DEMO", "false").env("PORT", "0");
    command.envs(settings.iter().copied());
    command
}

/// Starts a server and waits until it prints its address.
fn listen(mut command: Command) -> anyhow::Result<Started> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().with_context(|| format!("{command:?}"))?;
    let stdout = child.stdout.take().context("no output")?;
    let process = Process(child);
    let mut line = String::new();
    let mut lines = BufReader::new(stdout);
    lines.read_line(&mut line)?;
    let address = line.trim().rsplit_once("listening on http://").and_then(|(_, address)| address.parse().ok());
    let address = address.with_context(|| format!("{command:?} did not start: {line:?}"))?;
    // reads further output, so that the pipe does not fill up
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    Ok((process, address))
}

/// The program beside this one, or the path in `SOUK`.
fn souk() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("SOUK") {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("souk"),
    };
    let path = fs::canonicalize(&path).with_context(|| format!("{}: run `cargo build --release` first", path.display()))?;
    ensure!(path.is_file(), "{} is not a program", path.display());
    Ok(path)
}
