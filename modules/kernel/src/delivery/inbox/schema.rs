//! The step to the table of the inbox, for the migrations of modules that listen to events.

use sea_orm_migration::prelude::*;

/// Creates the table, and the index by which old events are swept.
///
/// # Errors
/// When the store refuses.
pub async fn create_table(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
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
