//! Processor time of programs, from /proc.

use sqlx::{Connection, PgConnection};
use std::{
    fs,
    time::{Duration, Instant},
};

/// Seconds of processor time per second.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// The program: souk or pgbench.
    pub(crate) program: f64,
    /// The processes of PostgreSQL that serve its connections. Other processes write to the disk, for both sides alike.
    pub(crate) postgres: f64,
}

/// Measures the processor time of a program and its connections to `database`, without the first second and the last half second.
pub(crate) async fn watch(program: &[u32], database: &str, server: &str, time: Duration) -> anyhow::Result<Usage> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut admin = PgConnection::connect(server).await?;
    let backends = sqlx::query_scalar::<_, i32>("SELECT pid FROM pg_stat_activity WHERE datname = $1");
    let backends: Vec<u32> = backends.bind(database).fetch_all(&mut admin).await?.into_iter().map(i32::cast_unsigned).collect();
    admin.close().await?;
    let (started, before) = (Instant::now(), (sum(program), sum(&backends)));
    tokio::time::sleep(time.saturating_sub(Duration::from_millis(1_500))).await;
    let (took, after) = (started.elapsed().as_secs_f64(), (sum(program), sum(&backends)));
    Ok(Usage { program: (after.0 - before.0) / took, postgres: (after.1 - before.1) / took })
}

fn sum(pids: &[u32]) -> f64 {
    // a process that has ended, or is on another machine, counts as 0
    pids.iter().filter_map(|pid| seconds(*pid)).sum()
}

/// `proc_pid_stat(5)`: the 14th and 15th field, in hundredths of a second. The second one, in parentheses, may have blanks.
fn seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}
