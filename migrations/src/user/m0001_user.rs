//! Accounts, addresses, sessions, and the counters of failed logins.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_user"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    // in lower case
                    .col(ColumnDef::new("email").string_len(120).not_null())
                    .col(ColumnDef::new("password_hash").string_len(255).not_null())
                    .col(ColumnDef::new("first_name").string_len(50).not_null())
                    .col(ColumnDef::new("last_name").string_len(50).not_null())
                    .col(ColumnDef::new("phone").string_len(20))
                    .col(ColumnDef::new("is_active").boolean().not_null())
                    .col(ColumnDef::new("is_admin").boolean().not_null())
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("addresses")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("user_id").big_integer().not_null())
                    .col(ColumnDef::new("street_address").string_len(255).not_null())
                    .col(ColumnDef::new("city").string_len(100).not_null())
                    .col(ColumnDef::new("state").string_len(100).not_null())
                    .col(ColumnDef::new("postal_code").string_len(20).not_null())
                    .col(ColumnDef::new("country").string_len(100).not_null())
                    .col(ColumnDef::new("is_default").boolean().not_null())
                    .foreign_key(ForeignKey::create().from("addresses", "user_id").to("users", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("sessions")
                    .col(ColumnDef::new("id").string_len(32).not_null().primary_key())
                    .col(ColumnDef::new("user_id").big_integer().not_null())
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("revoked_at").timestamp_with_time_zone())
                    .foreign_key(ForeignKey::create().from("sessions", "user_id").to("users", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("refresh_tokens")
                    .col(ColumnDef::new("hash").string_len(64).not_null().primary_key())
                    .col(ColumnDef::new("session_id").string_len(32).not_null())
                    // used tokens are kept as long as their session: a token that comes again was copied
                    .col(ColumnDef::new("used_at").timestamp_with_time_zone())
                    .foreign_key(ForeignKey::create().from("refresh_tokens", "session_id").to("sessions", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("login_attempts")
                    .col(ColumnDef::new("email_hash").string_len(64).not_null().primary_key())
                    .col(ColumnDef::new("attempts").big_integer().not_null())
                    .col(ColumnDef::new("since").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        kernel::idempotency::create_table(manager).await?;
        manager.create_index(Index::create().name("users_by_email").table("users").col("email").unique().to_owned()).await?;
        for (name, table, columns) in [
            ("addresses_by_user", "addresses", &["user_id", "id"][..]),
            ("sessions_by_user", "sessions", &["user_id"]),
            ("sessions_by_revocation", "sessions", &["revoked_at"]),
            ("sessions_by_expiry", "sessions", &["expires_at"]),
            ("refresh_tokens_by_session", "refresh_tokens", &["session_id"]),
            ("login_attempts_by_age", "login_attempts", &["since"]),
        ] {
            let mut index = Index::create().name(name).table(table).to_owned();
            columns.iter().for_each(|column| {
                index.col(*column);
            });
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
