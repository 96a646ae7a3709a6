//! Whether a module can do its work now.

use crate::{BoxFuture, Fault};

/// Something that a module cannot work without: its store.
pub trait Health: Send + Sync + 'static {
    /// Its name in the readiness of a process, e.g. `order.database`.
    fn name(&self) -> &str;

    /// Answers within a second or so.
    ///
    /// # Errors
    /// `unavailable` when it cannot be reached.
    fn check(&self) -> BoxFuture<Result<(), Fault>>;
}
