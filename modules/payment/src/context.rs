//! The module's state, which every operation works on.

use crate::{PaymentError, provider::Provider};
use kernel::db::Db;
use std::sync::Arc;

/// Payments in a database, made through a provider.
#[derive(Clone)]
pub struct Payments {
    pub(crate) db: Db,
    pub(crate) provider: Arc<dyn Provider>,
}

pub(crate) type Result<T> = std::result::Result<T, PaymentError>;

/// Error text of a call that failed in the provider.
pub(crate) const UNAVAILABLE: &str = "Payment provider not available";

impl Payments {
    /// The same payments through another provider, e.g. one that the settings do not name.
    pub fn with_provider(self, provider: Arc<dyn Provider>) -> Self {
        Self { provider, ..self }
    }
}
