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

/// An index for the sweep of old keys.
pub(crate) fn idempotency_keys_by_age() -> IndexCreateStatement {
    Index::create().name("idempotency_keys_by_age").table("idempotency_keys").col("started_at").to_owned()
}

/// Adds a version to the rows of a table; existing rows get `first`.
pub(crate) async fn add_version(manager: &SchemaManager<'_>, table: &'static str, first: i64) -> Result<(), DbErr> {
    let version = ColumnDef::new("version").big_integer().not_null().default(first).to_owned();
    manager.alter_table(Table::alter().table(table).add_column(version).to_owned()).await
}

/// The table of `kernel::outbox`, which every module that publishes events has.
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
    manager.create_index(outbox_by_due()).await
}

fn outbox_by_due() -> IndexCreateStatement {
    Index::create().name("outbox_by_due").table("outbox").col("due_at").and_where(Expr::col("dead_at").is_null()).to_owned()
}

/// Gives each listener a row of its own in the outbox. A release that does not know listeners still works: it writes rows for all
/// listeners, and delivers every row to all.
pub(crate) async fn add_outbox_listener(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let listener = || ColumnDef::new("listener").string_len(64).not_null().default("").to_owned();
    let replayed_at = || ColumnDef::new("replayed_at").timestamp_with_time_zone().to_owned();
    if manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Sqlite {
        // SQLite cannot change a primary key
        manager
            .create_table(
                Table::create()
                    .table("outbox_with_listener")
                    .col(ColumnDef::new("id").uuid().not_null())
                    .col(ColumnDef::new("event").text().not_null())
                    .col(ColumnDef::new("attempts").integer().not_null())
                    .col(ColumnDef::new("due_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("reason").text())
                    .col(ColumnDef::new("dead_at").timestamp_with_time_zone())
                    .col(listener())
                    .col(replayed_at())
                    .primary_key(Index::create().col("id").col("listener"))
                    .to_owned(),
            )
            .await?;
        let columns = "id, event, attempts, due_at, reason, dead_at";
        let copy = format!("INSERT INTO outbox_with_listener ({columns}) SELECT {columns} FROM outbox");
        manager.get_connection().execute_unprepared(&copy).await?;
        manager.drop_table(Table::drop().table("outbox").to_owned()).await?;
        manager.rename_table(Table::rename().table("outbox_with_listener", "outbox").to_owned()).await?;
        // for releases that do not know listeners
        manager.create_index(outbox_by_due()).await?;
    } else {
        let columns = Table::alter().table("outbox").add_column(listener()).add_column(replayed_at()).to_owned();
        manager.alter_table(columns).await?;
        let key = "ALTER TABLE outbox DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (id, listener)";
        manager.get_connection().execute_unprepared(key).await?;
    }
    let mut due = Index::create().name("outbox_by_listener").table("outbox").col("listener").col("due_at").to_owned();
    manager.create_index(due.and_where(Expr::col("dead_at").is_null()).to_owned()).await
}

/// The table of `kernel::inbox`, which every module that handles events has.
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
