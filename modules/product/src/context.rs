//! The state that all operations share.

use crate::ProductError;
use kernel::{Currency, db::Db};

pub(crate) type Result<T, E = ProductError> = std::result::Result<T, E>;

/// The service: a catalogue in a database.
#[derive(Clone)]
pub struct Products {
    pub(crate) db: Db,
    /// The shop's currency.
    pub(crate) currency: Currency,
}
