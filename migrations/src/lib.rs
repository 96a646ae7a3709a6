//! The tables of every module's own database, as numbered steps.
//!
//! A step that has been released is never changed; the next one changes what it made. Each module has its own list and its own
//! tracking table, because each module may have its own database.

use sea_orm_migration::prelude::*;

pub mod cart;
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

/// For the sweep that removes old keys.
pub(crate) fn idempotency_keys_by_age() -> IndexCreateStatement {
    Index::create().name("idempotency_keys_by_age").table("idempotency_keys").col("started_at").to_owned()
}
