//! The tables of every module's own database, as numbered steps.
//!
//! Each module has its own list and its own tracking table, because each module may have its own database.
//!
//! # The rule: expand, then contract
//! Releases that follow each other run side by side on one schema, and a release can be taken back. So:
//! - A step that has been released is never changed; the next one changes what it made. Released are all steps on the branch `main`:
//!   someone may run it, whatever the version in Cargo.toml says.
//! - A step adds. A new column may be null or has a default, so that the release before can still write rows; a new table or index
//!   disturbs nobody.
//! - What is no longer used is removed, renamed or made stricter one release *after* the last one that uses it.
//! - A step is short, and waits for its locks three seconds at most (`kernel::db`): it must be able to run while the shop serves. Large
//!   tables are filled by a job, not by a step.
//! - SQLite changes some things only by making a table anew; foreign keys are off while steps run, and checked afterwards.

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
