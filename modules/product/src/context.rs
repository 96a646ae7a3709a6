//! The state that all operations share.

use crate::{ProductError, store::Sight};
use kernel::{Ctx, Currency, Role, db::Db};
use std::sync::Arc;
use tokio::sync::Notify;

pub(crate) type Result<T, E = ProductError> = std::result::Result<T, E>;

/// The service: a catalogue in a database.
#[derive(Clone)]
pub struct Products {
    pub(crate) db: Db,
    /// The shop's currency.
    pub(crate) currency: Currency,
    /// Wakes the job that imports files.
    pub(crate) imports: Arc<Notify>,
}

impl Products {
    /// What everybody sees now.
    pub(crate) fn public(&self) -> Sight {
        Sight::Public(self.db.now())
    }

    /// What the caller sees of what is asked for by its id.
    pub(crate) fn sight(&self, cx: &Ctx) -> Sight {
        if cx.has_role(Role::Admin) { Sight::All } else { self.public() }
    }
}
