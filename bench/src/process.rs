//! Servers of a benchmark, as processes of their own.

use anyhow::{Context, ensure};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A process that is killed when it is no longer needed.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Process {
    /// Seconds of processor time that it has used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        seconds(self.0.id())
    }
}

/// A process and its address.
pub(crate) type Started = (Process, SocketAddr);

/// A command of souk with no other settings than these.
pub(crate) fn command(souk: &Path, folder: &Path, data: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(souk);
    // the folder has no config/
    command.current_dir(folder).env_clear().env("SOUK_DATA", data).env("SOUK_DEMO", "false").env("PORT", "0");
    command.envs(settings.iter().copied());
    command
}

/// Starts a server and waits until it prints its address.
pub(crate) fn listen(mut command: Command) -> anyhow::Result<Started> {
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
pub(crate) fn souk() -> anyhow::Result<PathBuf> {
    let path = match env::var_os("SOUK") {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("souk"),
    };
    let path = fs::canonicalize(&path).with_context(|| format!("{}: run `cargo build --release` first", path.display()))?;
    ensure!(path.is_file(), "{} is not a program", path.display());
    Ok(path)
}

/// Moves the write-ahead log into the database file, so that the file is complete by itself.
pub(crate) fn settle(database: &Path) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let mut connection = SqliteConnectOptions::new().filename(database).connect().await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
        Ok(connection.close().await?)
    })
}

/// proc_pid_stat(5): the 14th and 15th field, in hundredths of a second. The second one, in parentheses, may have blanks.
pub(crate) fn seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("a server has ended")?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()? / 100.0)
}
