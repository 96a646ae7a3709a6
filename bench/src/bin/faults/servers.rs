//! Servers for one run, in a folder and on ports of their own, so that outages disturb nobody else.

use anyhow::{Context, bail};
use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// How long a server may take to start, or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// All servers of a run. They end, and their folder goes, when this is dropped.
pub(crate) struct Servers {
    pub(crate) postgres: Server,
    pub(crate) redis: Server,
    pub(crate) broker: Server,
    pub(crate) mongo: Server,
    /// The port for the mail server.
    pub(crate) smtp_port: u16,
    /// Erlang's port mapper, which the broker would otherwise start and leave behind.
    _names: Server,
    folder: Option<TempDir>,
}

impl Servers {
    /// Starts all of them, in a new folder.
    pub(crate) async fn start(keep: bool) -> anyhow::Result<Self> {
        let open = fs::Permissions::from_mode(0o711);
        let mut folder = tempfile::Builder::new().prefix("souk-faults-").permissions(open).tempdir()?;
        folder.disable_cleanup(keep);
        let at = folder.path();
        let [postgres, redis, broker, distribution, names, mongo, smtp_port] = free_ports()?;
        let mut servers = Self {
            postgres: Server::new(at, "postgres", postgres, self::postgres(at, postgres)?),
            redis: Server::new(at, "redis", redis, self::redis(at, redis)?),
            broker: Server::new(at, "broker", broker, self::broker(at, broker, distribution, names)?),
            mongo: Server::new(at, "mongo", mongo, self::mongo(at, mongo)?),
            smtp_port,
            _names: Server::new(at, "names", names, self::names(names)),
            folder: Some(folder),
        };
        servers._names.start()?;
        servers._names.listens().await?;
        for server in [&mut servers.postgres, &mut servers.redis, &mut servers.broker, &mut servers.mongo] {
            server.start()?;
        }
        for server in [&servers.postgres, &servers.redis, &servers.broker, &servers.mongo] {
            server.listens().await?;
        }
        Ok(servers)
    }

    /// The number of deadlocks in PostgreSQL.
    pub(crate) fn deadlocks(&self) -> usize {
        let log = fs::read_to_string(&self.postgres.log).unwrap_or_default();
        log.matches("ERROR:  deadlock detected").count()
    }

    /// The folder of the run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

/// A server that can be stopped, killed, and started again with its data.
pub(crate) struct Server {
    name: String,
    pub(crate) port: u16,
    command: Command,
    log: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// A server that is not started yet.
    pub(crate) fn new(folder: &Path, name: impl Into<String>, port: u16, command: Command) -> Self {
        let name = name.into();
        Self { log: folder.join(format!("{name}.log")), name, port, command, child: None }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn log(&self) -> &PathBuf {
        &self.log
    }

    /// Starts it, without waiting until it listens.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        self.command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // not in our process group: after Ctrl-C, this program ends its servers in order
        self.command.process_group(0);
        self.child = Some(self.command.spawn().with_context(|| format!("{:?}", self.command))?);
        Ok(())
    }

    /// Waits until it listens.
    pub(crate) async fn listens(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            if started.elapsed() > PATIENCE {
                bail!("{} does not listen:\n{}", self.name, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Whether it runs.
    pub(crate) fn runs(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.as_mut().map(Child::try_wait).transpose()?.is_some_and(|status| status.is_none()))
    }

    /// Sends it a signal and waits until it has ended; returns its exit status, or none if it was not running.
    pub(crate) async fn end(&mut self, signal: &str) -> anyhow::Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        if let Some(status) = child.try_wait()? {
            bail!("{} had ended by itself ({status}):\n{}", self.name, last_lines(&self.log));
        }
        send(child, signal)?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(Some(status));
            }
            if started.elapsed() > PATIENCE {
                bail!("{} does not end:\n{}", self.name, last_lines(&self.log));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        last_lines(&self.log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        // for PostgreSQL this is "immediate": all its processes end. The others handle the signal, too, or are killed
        drop(send(child, if self.name == "postgres" { "QUIT" } else { "KILL" }));
        let started = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && started.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(child.kill());
        drop(child.wait());
    }
}

fn send(child: &Child, signal: &str) -> anyhow::Result<()> {
    Command::new("kill").args(["-s", signal, &child.id().to_string()]).status()?;
    Ok(())
}

/// The end of a log.
fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Free ports, below the range for clients: a client could otherwise take a port while its server is down.
pub(crate) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut found = Vec::with_capacity(N);
    while found.len() < N {
        let port = rand::random_range(20_000..30_000);
        if !found.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            found.push(port);
        }
    }
    found.try_into().map_err(|_| anyhow::anyhow!("too few ports"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn postgres(folder: &Path, port: u16) -> anyhow::Result<Command> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let programs = versions.max().unwrap_or_default();
    let home = folder.join("postgres");
    fs::create_dir(&home)?;
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(&home))?;
    }
    let data = home.join("data");
    let mut initdb = as_postgres(&programs.join("initdb"));
    initdb.current_dir(&home).args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
    run(initdb.arg("--pgdata").arg(&data))?;
    let mut command = as_postgres(&programs.join("postgres"));
    command.current_dir(&home).arg("-D").arg(&data).arg("-p").arg(port.to_string());
    // all other settings are defaults: fsync and synchronous_commit are on
    command.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c"]);
    command.arg(format!("unix_socket_directories={}", home.display()));
    Ok(command)
}

fn redis(folder: &Path, port: u16) -> anyhow::Result<Command> {
    let home = folder.join("redis");
    fs::create_dir(&home)?;
    let mut command = Command::new("redis-server");
    command.current_dir(&home).args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "yes", "--save", ""]);
    Ok(command)
}

fn names(port: u16) -> Command {
    let mut command = Command::new("epmd");
    command.args(["-port", &port.to_string(), "-address", "127.0.0.1"]);
    command
}

fn broker(folder: &Path, port: u16, distribution: u16, names: u16) -> anyhow::Result<Command> {
    let home = folder.join("broker");
    fs::create_dir(&home)?;
    fs::write(home.join("rabbitmq.conf"), format!("listeners.tcp.1 = 127.0.0.1:{port}\n"))?;
    fs::write(home.join("plugins"), "[].\n")?;
    // Debian's own command would change the user
    let debian = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    let mut command = Command::new(if debian.exists() { debian } else { Path::new("rabbitmq-server") });
    command
        .current_dir(&home)
        .env("HOME", &home)
        .env("RABBITMQ_NODENAME", format!("souk_faults_{port}@localhost"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
        .env("RABBITMQ_CONF_ENV_FILE", home.join("none"))
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("ERL_EPMD_PORT", names.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        // the broker itself, not the script that waits for it
        .env("RUNNING_UNDER_SYSTEMD", "true");
    Ok(command)
}

fn mongo(folder: &Path, port: u16) -> anyhow::Result<Command> {
    let home = folder.join("mongo");
    fs::create_dir(&home)?;
    let mut command = Command::new(mongod());
    command.arg("--dbpath").arg(&home).args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]);
    Ok(command)
}

/// The path in `SOUK_MONGOD`, or that of `scripts/mongod`, or the name, for the `PATH`.
fn mongod() -> PathBuf {
    let said = env::var_os("SOUK_MONGOD").map(PathBuf::from);
    let found = ["/var/cache/souk", "/tmp/mongo"].iter().find_map(|folder| find(Path::new(folder), "mongod"));
    said.or(found).unwrap_or_else(|| "mongod".into())
}

/// The first file of this name in a folder or below it.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort_unstable();
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => path.ends_with(name).then_some(path),
    })
}

/// Runs it to its end; its output is shown only when it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
