//! Whether a module can do its work now.

use crate::{BoxFuture, Fault};

/// Something that a module cannot work without: its store.
pub trait Health: Send + Sync + 'static {
    /// What it is, e.g. `order.database`: the name in the readiness of a process.
    fn name(&self) -> &str;

    /// Answers within a second or so.
    ///
    /// # Errors
    /// `unavailable` when it cannot be reached.
    fn check(&self) -> BoxFuture<Result<(), Fault>>;
}
