//! Steps to the table of the outbox, for the migrations of modules that publish events.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

/// Creates the table.
///
/// # Errors
/// When the store refuses.
pub async fn create_table(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
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

/// Gives each listener a row of its own. A release that does not know of listeners goes on: its rows are for all of them, and it
/// delivers the rows of each to all.
///
/// # Errors
/// When the store refuses.
pub async fn add_listener(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let listener = || ColumnDef::new("listener").string_len(64).not_null().default("").to_owned();
    let replayed_at = || ColumnDef::new("replayed_at").timestamp_with_time_zone().to_owned();
    if manager.get_database_backend() == DbBackend::Sqlite {
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
        // for releases that do not know of listeners
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
