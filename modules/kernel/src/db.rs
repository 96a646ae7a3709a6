//! Databases of modules: one for each module.
//!
//! Opening a database makes no connection. [`Db::keep_up`] brings it up in the background, and again whenever its server has been
//! away; until then every use of it is answered `unavailable`.

mod availability;
pub mod backup;
mod clock;
mod connection;
mod database;
mod error;
mod keyset;
mod like;
mod migrate;
mod monitor;
mod pool;
mod settings;
mod statement_span;
mod tx;
mod verify;

pub use database::Db;
pub use error::is_duplicate;
pub use keyset::{Keyset, Rows, ranked};
pub use like::like;
pub use pool::Connections;
pub use settings::{Durability, Pool, sqlite_file};
pub use tx::{Tx, TxConnection};
