//! The tables of every module's own database, as numbered steps.
//!
//! Each module has its own list and its own tracking table, because each module may have its own database.
//!
//! # The rule: expand, then contract
//! Releases that follow each other run side by side on one schema, and a release can be taken back. So:
//! - A step that has been released is never changed; the next one changes what it made.
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

/// The table of `kernel::idempotency`, which every module with keyed operations has.
pub(crate) fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(ColumnDef::new("scope").string_len(255).not_null())
        .col(ColumnDef::new("key").string_len(255).not_null())
        .col(ColumnDef::new("request_hash").string_len(64).not_null())
        .col(ColumnDef::new("reply").text())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("scope").col("key"))
        .to_owned()
}

/// Gives [`idempotency_keys`] the column for refusals that are kept.
pub(crate) async fn keep_refusals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let problem = ColumnDef::new("problem").text().to_owned();
    manager.alter_table(Table::alter().table("idempotency_keys").add_column(problem).to_owned()).await
}

/// For the sweep that removes old keys.
pub(crate) fn idempotency_keys_by_age() -> IndexCreateStatement {
    Index::create().name("idempotency_keys_by_age").table("idempotency_keys").col("started_at").to_owned()
}

/// Gives the rows of a table versions, from `first` on.
pub(crate) async fn add_version(manager: &SchemaManager<'_>, table: &'static str, first: i64) -> Result<(), DbErr> {
    let version = ColumnDef::new("version").big_integer().not_null().default(first).to_owned();
    manager.alter_table(Table::alter().table(table).add_column(version).to_owned()).await
}

/// The tables of `kernel::outbox`, which every module that tells events has.
pub(crate) async fn create_outbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("outbox")
                .col(ColumnDef::new("id").uuid().not_null().primary_key())
                .col(ColumnDef::new("event").text().not_null())
                .col(ColumnDef::new("attempts").integer().not_null())
                .col(ColumnDef::new("due_at").timestamp_with_time_zone().not_null())
                .col(ColumnDef::new("reason").text())
                .col(ColumnDef::new("dead_at").timestamp_with_time_zone())
                .to_owned(),
        )
        .await?;
    let due =
        Index::create().name("outbox_by_due").table("outbox").col("due_at").and_where(Expr::col("dead_at").is_null()).to_owned();
    manager.create_index(due).await
}

/// The table of `kernel::inbox`, which every module that listens to events has.
pub(crate) async fn create_inbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("inbox")
                .col(ColumnDef::new("event_id").uuid().not_null().primary_key())
                .col(ColumnDef::new("handled_at").timestamp_with_time_zone().not_null())
                .to_owned(),
        )
        .await?;
    manager.create_index(Index::create().name("inbox_by_age").table("inbox").col("handled_at").to_owned()).await
}
