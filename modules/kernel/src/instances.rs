//! The instances of a module, local or remote.

use crate::{Health, Transport};
use std::sync::Arc;

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
