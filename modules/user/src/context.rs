//! The state that all operations share.

use crate::{UserError, password::Passwords, signer::Signer};
use kernel::db::Db;
use std::sync::Arc;

pub(crate) type Result<T> = std::result::Result<T, UserError>;

/// The service: accounts in a database.
#[derive(Clone)]
pub struct Users {
    pub(crate) db: Db,
    pub(crate) passwords: Passwords,
    pub(crate) signer: Arc<Signer>,
    /// Lifetime of a session in days.
    pub(crate) session_days: u32,
}
