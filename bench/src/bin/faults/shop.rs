//! The shop: one process or seven, each of them once or several times behind a balancer.

use crate::{
    balancer::Balancer,
    process::Process,
    servers::{Servers, free_ports, run},
};
use anyhow::{Context, ensure};
use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// The prefix of its queues.
pub(crate) const PREFIX: &str = "souk";
/// The pauses before retries of events.
pub(crate) const RETRY_MS: [u64; 6] = [200, 500, 1_000, 2_000, 4_000, 8_000];
/// The pauses before retries of messages.
pub(crate) const MAIL_RETRY_MS: [u64; 9] = [200, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000];
/// How long a stopping process still accepts connections; the balancer needs a tenth of this.
pub(crate) const DRAIN: Duration = Duration::from_secs(1);
/// How long it may then take to end.
pub(crate) const SHUTDOWN: Duration = Duration::from_secs(10);
/// The administrator.
pub(crate) const ADMIN: (&str, &str) = ("admin@example.com", "Saffron-7-Road");
/// Modules with a database in PostgreSQL.
pub(crate) const DATABASES: [&str; 4] = ["product", "user", "order", "payment"];
const MODULES: [&str; 6] = ["product", "user", "cart", "order", "payment", "notification"];

/// A running shop.
pub(crate) struct Shop {
    /// The address for clients.
    pub(crate) base: String,
    /// The processes, grouped by module; the gateways come last.
    pub(crate) processes: Vec<Process>,
    /// None when there is only one gateway.
    _balancer: Option<Balancer>,
    /// A link to the build that processes start with.
    program: PathBuf,
    folder: PathBuf,
}

impl Shop {
    /// Starts it on these servers, in one process or in seven, with this many instances of each.
    pub(crate) async fn start(servers: &Servers, is_split: bool, instances: usize) -> anyhow::Result<Self> {
        let folder = servers.folder().to_owned();
        let program = folder.join("souk");
        symlink(self::program()?, &program)?;
        let modules = if is_split { &MODULES[..] } else { &[] };
        let mut processes = Vec::new();
        for module in modules.iter().copied().chain(["gateway"]) {
            for instance in 1..=instances {
                let arguments: &[&str] = if is_split { &["serve", "--only", module] } else { &["serve"] };
                let command = command(&program, &folder, arguments);
                processes.push(Process::new(&folder, module, instance, free_ports()?, command)?);
            }
        }
        fs::create_dir(folder.join("config"))?;
        fs::create_dir_all(folder.join("templates/en"))?;
        fs::write(folder.join("config/development.toml"), settings(servers, &processes))?;
        run(&mut command(&program, &folder, &["migrate"]))?;
        make_admin(command(&program, &folder, &["admin", "create", ADMIN.0]))?;
        for process in &mut processes {
            process.start()?;
        }
        for process in &processes {
            process.ready().await?;
        }
        let gateways: Vec<&Process> = processes.iter().filter(|process| process.module == "gateway").collect();
        let (port, balancer) = match gateways[..] {
            [gateway] => (gateway.port(), None),
            _ => {
                let [port] = free_ports()?;
                (port, Some(Balancer::start(port, gateways.into_iter()).await?))
            }
        };
        Ok(Self { base: format!("http://127.0.0.1:{port}"), processes, _balancer: balancer, program, folder })
    }

    /// Whether it is in one process.
    pub(crate) fn is_whole(&self) -> bool {
        self.processes.iter().all(|process| process.module == "gateway")
    }

    /// The processes that publish or handle events.
    pub(crate) fn victims(&mut self) -> Vec<&mut Process> {
        let is_whole = self.is_whole();
        let is_victim =
            |process: &&mut Process| is_whole || matches!(process.module, "order" | "payment" | "user" | "notification");
        self.processes.iter_mut().filter(is_victim).collect()
    }

    /// The processes that send messages.
    pub(crate) fn senders(&mut self) -> impl Iterator<Item = &mut Process> {
        let module = if self.is_whole() { "gateway" } else { "notification" };
        self.processes.iter_mut().filter(move |process| process.module == module)
    }

    /// Replaces the program, for processes that start from now on; returns the one before.
    pub(crate) fn install(&self, program: &Path) -> anyhow::Result<PathBuf> {
        let (before, new) = (fs::read_link(&self.program)?, self.folder.join("souk.new"));
        symlink(fs::canonicalize(program).with_context(|| program.display().to_string())?, &new)?;
        fs::rename(&new, &self.program)?;
        Ok(before)
    }

    /// The profile of the program, judged by its path.
    pub(crate) fn build(&self) -> &'static str {
        let program = fs::read_link(&self.program).unwrap_or_default();
        let has = |name: &&str| program.components().any(|part| part.as_os_str() == *name);
        ["dist", "release"].into_iter().find(has).unwrap_or("debug")
    }

    /// Writes a template that replaces a built-in one at the next start of notification.
    pub(crate) fn replace_template(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.folder.join("templates/en").join(name), text)?)
    }

    /// The output of `souk events dead-letters`.
    pub(crate) fn dead_letters(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let arguments = [&["events", "dead-letters"], arguments].concat();
        let output = command(&self.program, &self.folder, &arguments).output()?;
        ensure!(output.status.success(), "souk events: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Lines of level error in the logs, except those of the broker's client, which logs an outage of the broker as an error.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.log_lines(|line| (line.contains("ERROR") || line.contains("panicked")) && !line.contains("ERROR lapin::"))
    }

    /// Lines of the logs.
    pub(crate) fn log_lines(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        for log in self.processes.iter().filter_map(|process| File::open(process.log()).ok()) {
            found.extend(BufReader::new(log).lines().map_while(Result::ok).filter(|line| wanted(line)));
        }
        found
    }
}

/// A command of souk that reads no settings but those of the folder.
fn command(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().process_group(0);
    command
}

fn make_admin(mut command: Command) -> anyhow::Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    writeln!(child.stdin.take().context("no standard input")?, "{}", ADMIN.1)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "souk admin create: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Settings: limits off, and short pauses before retries.
fn settings(servers: &Servers, processes: &[Process]) -> String {
    let Servers { postgres, redis, broker, mongo, smtp_port, .. } = servers;
    let addresses = |module: &str| -> Vec<String> {
        let instances = processes.iter().filter(|process| process.module == module);
        instances.map(|process| format!("http://127.0.0.1:{}", process.port())).collect()
    };
    let places = MODULES.iter().map(|module| (module, addresses(module))).filter(|(_, addresses)| !addresses.is_empty());
    let places: String = places.map(|(module, addresses)| format!("{module} = {addresses:?}\n")).collect();
    let database = |module: &str| format!("database_url = \"postgres://postgres@127.0.0.1:{}/souk_{module}\"", postgres.port);
    let [product, user, order, payment] = DATABASES.map(database);
    format!(
        r#"demo = false
workers = 2
internal_key = "a key for the processes of one run of faults"
drain_seconds = {drain}
shutdown_seconds = {shutdown}
[log]
filter = "warn"
[modules]
{places}
[gateway]
limits = "off"
[product]
{product}
[user]
{user}
access_token_seconds = 7200
[cart]
database_url = "redis://127.0.0.1:{redis}"
[order]
{order}
[payment]
{payment}
[events]
broker_url = "amqp://guest:guest@127.0.0.1:{broker}"
prefix = "{PREFIX}"
retry_ms = {RETRY_MS:?}
[notification]
database_url = "mongodb://127.0.0.1:{mongo}/souk"
templates_folder = "templates"
mail = "smtp"
smtp = {{ host = "127.0.0.1", port = {smtp_port}, tls = "none", pool = 4, timeout_ms = 2000, data_timeout_ms = 5000 }}
sms = "off"
retry_ms = {MAIL_RETRY_MS:?}
"#,
        drain = DRAIN.as_secs(),
        shutdown = SHUTDOWN.as_secs(),
        redis = redis.port,
        broker = broker.port,
        mongo = mongo.port,
    )
}

/// The program beside this one, or the path in `SOUK`.
fn program() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("SOUK") {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("souk"),
    };
    let path: PathBuf = fs::canonicalize(&path).with_context(|| format!("{}: build it first", Path::new(&path).display()))?;
    ensure!(path.is_file(), "{} is not a program", path.display());
    Ok(path)
}
