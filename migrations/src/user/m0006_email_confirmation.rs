//! Proof of e-mail addresses, and room for long ones.
//!
//! `users.email` keeps its 120 characters: another type would break the statements that the release before has prepared ("cached
//! plan must not change result type"). A longer address is in `long_email`, and `email` has its fingerprint.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0006_email_confirmation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // one statement for each: SQLite adds one column at a time
        for column in [
            ColumnDef::new("email_confirmed_at").timestamp_with_time_zone().take(),
            ColumnDef::new("long_email").string_len(254).take(),
        ] {
            manager.alter_table(Table::alter().table("users").add_column(column).to_owned()).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("email_confirmations")
                    // one token for each user: a new token replaces the old one
                    .col(ColumnDef::new("user_id").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("token_hash").string_len(64).not_null())
                    .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
                    .foreign_key(ForeignKey::create().from("email_confirmations", "user_id").to("users", "id"))
                    .to_owned(),
            )
            .await?;
        let by_token = Index::create()
            .name("email_confirmations_by_token")
            .table("email_confirmations")
            .col("token_hash")
            .unique()
            .to_owned();
        manager.create_index(by_token).await
    }
}
