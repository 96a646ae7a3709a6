//! Writes that go on although their caller has left.

use std::{
    future::Future,
    sync::{LazyLock, OnceLock},
    time::Duration,
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::task::TaskTracker;

/// Writes that go on although their caller has left.
static WRITES: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);
/// The runtime that they run on.
static HOME: OnceLock<Handle> = OnceLock::new();

/// Makes the current runtime the one that writes run on. Without this, each runs on the runtime of its caller, and ends with it:
/// a worker of an HTTP server has one of its own.
pub fn run_here() {
    drop(HOME.set(Handle::current()));
}

/// Runs a write to its end, even when its caller leaves.
pub(crate) fn spawn_write<F>(write: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match HOME.get() {
        Some(home) => WRITES.spawn_on(write, home),
        None => WRITES.spawn(write),
    }
}

/// The number of writes that run now.
#[cfg(feature = "server")]
pub(crate) fn under_way() -> usize {
    WRITES.len()
}

/// Waits until no write runs, but not longer than `patience`; `false` when some still do.
pub async fn ended(patience: Duration) -> bool {
    WRITES.close();
    tokio::time::timeout(patience, WRITES.wait()).await.is_ok()
}
