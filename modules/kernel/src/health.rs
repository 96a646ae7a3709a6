//! Whether a module can do its work now.

use crate::{Fault, Transport, call::BoxFuture};
use std::sync::Arc;

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

/// The instances of a module, as the gateway sees them.
#[derive(Clone)]
pub enum Instances {
    /// One, in this process.
    Local(Arc<dyn Health>),
    /// The peers of a transport.
    At(Transport),
}

impl Instances {
    /// How many are healthy now, and how many there are.
    pub async fn count(&self) -> (usize, usize) {
        match self {
            Self::Local(health) => (usize::from(health.check().await.is_ok()), 1),
            Self::At(transport) => transport.health().await,
        }
    }
}
