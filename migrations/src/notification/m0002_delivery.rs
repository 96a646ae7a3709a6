//! Columns against duplicates and leaks: attempts without a known result, the version and the confirmation of an address, secrets
//! apart from the texts, and the keys of messages that were sent again.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0002_delivery"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, mut column) in [
            ("notifications", ColumnDef::new("claims").integer().not_null().default(0).to_owned()),
            ("notifications", ColumnDef::new("address").text().to_owned()),
            ("notifications", ColumnDef::new("secret").text().to_owned()),
            ("notifications", ColumnDef::new("is_personal").boolean().not_null().default(false).to_owned()),
            ("notifications", ColumnDef::new("resend_key").text().to_owned()),
            ("contacts", ColumnDef::new("version").big_integer().not_null().default(0).to_owned()),
            ("contacts", ColumnDef::new("email_confirmed").boolean().not_null().default(false).to_owned()),
        ] {
            // SQLite adds one column at a time
            manager.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await?;
        }
        let mut keys = Index::create().name("notifications_by_resend_key").table("notifications").col("resend_key").to_owned();
        manager.create_index(keys.unique().and_where(Expr::col("resend_key").is_not_null()).to_owned()).await
    }
}
