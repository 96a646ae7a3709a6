//! The shop: one process or seven, each of which can be killed and started again at the same address.

use crate::servers::{Servers, free_ports, last_lines};
use anyhow::{Context, bail, ensure};
use std::{
    env,
    fs::{self, File},
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The prefix of its queues.
pub(crate) const PREFIX: &str = "souk";
/// The waits of events that cannot be handled.
pub(crate) const RETRY_MS: [u64; 6] = [200, 500, 1_000, 2_000, 4_000, 8_000];
/// The administrator.
pub(crate) const ADMIN: (&str, &str) = ("admin@example.com", "Saffron-7-Road");
/// Modules with a database in PostgreSQL.
pub(crate) const DATABASES: [&str; 4] = ["product", "user", "order", "payment"];
const MODULES: [&str; 6] = ["product", "user", "cart", "order", "payment", "notification"];

/// A running shop. Its processes are killed when it is dropped.
pub(crate) struct Shop {
    /// Where clients find it.
    pub(crate) base: String,
    program: PathBuf,
    folder: PathBuf,
    processes: Vec<Process>,
}

struct Process {
    name: &'static str,
    port: u16,
    child: Option<Child>,
}

impl Shop {
    /// Starts it on these servers, in one process or in seven.
    pub(crate) async fn start(servers: &Servers, is_split: bool) -> anyhow::Result<Self> {
        let folder = servers.folder().to_owned();
        let ports: [u16; 7] = free_ports()?;
        let names = if is_split { &MODULES[..] } else { &[] };
        let names = names.iter().copied().chain(["gateway"]);
        let processes: Vec<Process> = names.zip(ports).map(|(name, port)| Process { name, port, child: None }).collect();
        fs::create_dir(folder.join("config"))?;
        fs::create_dir_all(folder.join("templates/en"))?;
        fs::write(folder.join("config/development.toml"), settings(servers, &processes))?;
        let base = format!("http://127.0.0.1:{}", processes.last().map_or(0, |process| process.port));
        let mut shop = Self { base, program: program()?, folder, processes };
        shop.make_admin()?;
        for index in 0..shop.processes.len() {
            shop.spawn(index)?;
        }
        for process in &shop.processes {
            shop.answers(process).await?;
        }
        Ok(shop)
    }

    /// The names of its processes that tell events or take them.
    pub(crate) fn victims(&self) -> Vec<&'static str> {
        match self.processes.len() {
            1 => vec!["gateway"],
            _ => vec!["order", "payment", "user", "notification"],
        }
    }

    /// Whether the program was built with optimisations, as far as its path tells.
    pub(crate) fn build(&self) -> &'static str {
        if self.program.components().any(|part| part.as_os_str() == "release") { "release" } else { "debug" }
    }

    /// Kills a process, starts it again at once, and waits until it answers; how long that took.
    pub(crate) async fn kill(&mut self, name: &str) -> anyhow::Result<Duration> {
        let index = self.processes.iter().position(|process| process.name == name).context("no such process")?;
        let started = Instant::now();
        if let Some(mut child) = self.processes[index].child.take() {
            if let Some(status) = child.try_wait()? {
                bail!("{name} had ended by itself ({status}):\n{}", last_lines(&self.log(name), 20));
            }
            child.kill()?;
            child.wait()?;
        }
        self.spawn(index)?;
        self.answers(&self.processes[index]).await?;
        Ok(started.elapsed())
    }

    /// Writes a template that replaces a built-in one at the next start of notification.
    pub(crate) fn replace_template(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.folder.join("templates/en").join(name), text)?)
    }

    /// What `souk events dead-letters` says.
    pub(crate) fn dead_letters(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(&[&["events", "dead-letters"], arguments].concat()).output()?;
        ensure!(output.status.success(), "souk events: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Lines of the logs that speak of errors. The client of the broker calls it one when the broker goes; the shop does not.
    pub(crate) fn errors(&self) -> Vec<String> {
        let is_error = |line: &&str| (line.contains("ERROR") || line.contains("panicked")) && !line.contains("ERROR lapin::");
        let mut errors = Vec::new();
        for process in &self.processes {
            let log = fs::read_to_string(self.log(process.name)).unwrap_or_default();
            errors.extend(log.lines().filter(is_error).map(str::to_owned));
        }
        errors
    }

    fn make_admin(&self) -> anyhow::Result<()> {
        let output = self.command(&["migrate"]).output()?;
        ensure!(output.status.success(), "souk migrate: {}", String::from_utf8_lossy(&output.stderr));
        let mut command = self.command(&["admin", "create", ADMIN.0]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        writeln!(child.stdin.take().context("no standard input")?, "{}", ADMIN.1)?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "souk admin create: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn spawn(&mut self, index: usize) -> anyhow::Result<()> {
        let Process { name, port, .. } = self.processes[index];
        let arguments: &[&str] = if self.processes.len() == 1 { &["serve"] } else { &["serve", "--only", name] };
        let log = File::options().create(true).append(true).open(self.log(name))?;
        let mut command = self.command(arguments);
        command.env("PORT", port.to_string()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.processes[index].child = Some(command.spawn().with_context(|| format!("{command:?}"))?);
        Ok(())
    }

    /// A command of souk that reads no settings but those of the folder.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).env_clear().process_group(0);
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("souk-{name}.log"))
    }

    async fn answers(&self, process: &Process) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let (url, started) = (format!("http://127.0.0.1:{}/livez", process.port), Instant::now());
        while !client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if started.elapsed() > Duration::from_secs(60) {
                bail!("{} does not answer:\n{}", process.name, last_lines(&self.log(process.name), 20));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // fails only when it has ended already
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Limits off, and short pauses where the shop waits for something that is not there.
fn settings(servers: &Servers, processes: &[Process]) -> String {
    let Servers { postgres, redis, broker, mongo, smtp_port, .. } = servers;
    let places = processes.iter().filter(|process| process.name != "gateway");
    let places: String = places.map(|place| format!("{} = \"http://127.0.0.1:{}\"\n", place.name, place.port)).collect();
    let database = |module: &str| format!("database_url = \"postgres://postgres@127.0.0.1:{}/souk_{module}\"", postgres.port);
    let [product, user, order, payment] = DATABASES.map(database);
    format!(
        r#"demo = false
workers = 2
internal_key = "a key for the processes of one run of faults"
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
retry_ms = [200, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000]
"#,
        redis = redis.port,
        broker = broker.port,
        mongo = mongo.port,
    )
}

/// The program beside this one, or where `SOUK` says.
fn program() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("SOUK") {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("souk"),
    };
    let path: PathBuf = fs::canonicalize(&path).with_context(|| format!("{}: build it first", Path::new(&path).display()))?;
    ensure!(path.is_file(), "{} is not a program", path.display());
    Ok(path)
}
