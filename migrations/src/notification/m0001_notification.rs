//! Notifications, and the contacts and preferences of users.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_notification"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("notifications")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("event_id").uuid().not_null())
                    .col(ColumnDef::new("user_id").big_integer().not_null())
                    .col(ColumnDef::new("kind").string_len(32).not_null())
                    .col(ColumnDef::new("channel").string_len(8).not_null())
                    .col(ColumnDef::new("locale").string_len(35).not_null())
                    .col(ColumnDef::new("recipient").text())
                    .col(ColumnDef::new("subject").text().not_null())
                    .col(ColumnDef::new("text").text().not_null())
                    .col(ColumnDef::new("html").text())
                    .col(ColumnDef::new("status").string_len(8).not_null())
                    .col(ColumnDef::new("attempts").integer().not_null())
                    .col(ColumnDef::new("last_error").text())
                    .col(ColumnDef::new("due_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("queued_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("sent_at").timestamp_with_time_zone())
                    .col(ColumnDef::new("read_at").timestamp_with_time_zone())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("contacts")
                    .col(ColumnDef::new("user_id").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("email").text().not_null())
                    .col(ColumnDef::new("first_name").text().not_null())
                    .col(ColumnDef::new("last_name").text().not_null())
                    .col(ColumnDef::new("phone").text())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("preferences")
                    .col(ColumnDef::new("user_id").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("preferences").text().not_null())
                    .to_owned(),
            )
            .await?;
        kernel::inbox::create_table(manager).await?;
        for (name, columns) in [
            ("notifications_by_event", &["event_id", "channel"][..]),
            ("notifications_by_user", &["user_id", "id"]),
            ("notifications_by_due", &["status", "due_at"]),
            ("notifications_by_status", &["status", "id"]),
            ("notifications_by_age", &["created_at"]),
        ] {
            let mut index = Index::create().name(name).table("notifications").to_owned();
            columns.iter().for_each(|column| {
                index.col(*column);
            });
            if name == "notifications_by_event" {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
