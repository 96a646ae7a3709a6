//! The tables of every module's own database, as numbered migrations.
//!
//! Each module has its own list and its own tracking table, because each module may have its own database.
//!
//! # The rule: expand, then contract
//! A release runs beside the one before it on one schema, and can be taken back. So:
//! - A released migration is never changed; a later one changes its tables. All migrations on the branch `main` count as released:
//!   someone may run them, whatever the version in Cargo.toml says.
//! - A migration adds. A new column may be null or has a default, so that the release before can still write rows; it ignores new
//!   tables and indexes.
//! - A table or column is removed, renamed or made stricter one release *after* the last one that uses it.
//! - A migration is short, and waits for its locks three seconds at most (`kernel::db`): it runs while the shop serves. A job,
//!   not a migration, fills large tables.
//! - On SQLite some changes need a new table; foreign keys are off during migrations, and checked afterwards.

use sea_orm_migration::prelude::*;

pub mod cart;
pub mod notification;
pub mod order;
pub mod payment;
pub mod product;
pub mod user;

/// Adds a version to the rows of a table; existing rows get `first`.
pub(crate) async fn add_version(manager: &SchemaManager<'_>, table: &'static str, first: i64) -> Result<(), DbErr> {
    let version = ColumnDef::new("version").big_integer().not_null().default(first).to_owned();
    manager.alter_table(Table::alter().table(table).add_column(version).to_owned()).await
}
