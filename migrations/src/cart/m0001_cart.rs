//! Carts and their lines.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_cart"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("carts")
                    .col(ColumnDef::new("user_id").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("cart_items")
                    .col(ColumnDef::new("user_id").big_integer().not_null())
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .col(ColumnDef::new("quantity").big_integer().not_null().check(Expr::col("quantity").gte(1)))
                    .col(ColumnDef::new("product_name").string_len(255).not_null())
                    .col(ColumnDef::new("unit_price_minor").big_integer().not_null())
                    .col(ColumnDef::new("currency").string_len(3).not_null())
                    .col(ColumnDef::new("added_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .primary_key(Index::create().col("user_id").col("product_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("cart_items", "user_id")
                            .to("carts", "user_id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        kernel::idempotency::create_table(manager).await?;
        manager.create_index(Index::create().name("carts_by_expiry").table("carts").col("expires_at").to_owned()).await
    }
}
