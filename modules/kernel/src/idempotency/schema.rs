//! Steps to the table of idempotency keys, for the migrations of modules with keyed operations.

use sea_orm_migration::prelude::*;

/// Creates the table, and the index by which old keys are swept.
///
/// # Errors
/// When the store refuses.
pub async fn create_table(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("idempotency_keys")
        .col(ColumnDef::new("scope").string_len(255).not_null())
        .col(ColumnDef::new("key").string_len(255).not_null())
        .col(ColumnDef::new("request_hash").string_len(64).not_null())
        .col(ColumnDef::new("reply").text())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("scope").col("key"))
        .to_owned();
    manager.create_table(table).await?;
    let by_age = Index::create().name("idempotency_keys_by_age").table("idempotency_keys").col("started_at").to_owned();
    manager.create_index(by_age).await
}

/// Adds the column for refusals that are kept.
///
/// # Errors
/// When the store refuses.
pub async fn add_problem(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let problem = ColumnDef::new("problem").text().to_owned();
    manager.alter_table(Table::alter().table("idempotency_keys").add_column(problem).to_owned()).await
}
