//! Log lines that would come too often.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Calls `log` unless it was called for this `key` less than ten seconds ago, and passes it the number of calls that were skipped
/// since.
pub(crate) fn log_seldom(key: &str, log: impl FnOnce(u64)) {
    const PAUSE: Duration = Duration::from_secs(10);
    /// The most keys that are remembered; there are fewer messages.
    const KEYS: usize = 1_000;
    static LAST: LazyLock<Mutex<HashMap<String, (Instant, u64)>>> = LazyLock::new(Mutex::default);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let again = match last.get_mut(key) {
        Some((at, skipped)) if at.elapsed() < PAUSE => {
            *skipped += 1;
            return;
        }
        Some((at, skipped)) => {
            *at = Instant::now();
            std::mem::take(skipped)
        }
        None => {
            if last.len() >= KEYS {
                last.clear();
            }
            last.insert(key.to_owned(), (Instant::now(), 0));
            0
        }
    };
    drop(last);
    log(again);
}
