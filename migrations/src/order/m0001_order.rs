//! Orders, their lines and timelines, and their effects in other modules.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_order"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("orders")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("user_id").big_integer().not_null())
                    .col(ColumnDef::new("state").string_len(16).not_null())
                    .col(ColumnDef::new("currency").string_len(3).not_null())
                    .col(ColumnDef::new("total_minor").big_integer().not_null().check(Expr::col("total_minor").gte(0)))
                    .col(ColumnDef::new("shipping_address").text().not_null())
                    .col(ColumnDef::new("cart_version").big_integer().not_null())
                    .col(ColumnDef::new("attempt").integer().not_null())
                    .col(ColumnDef::new("payment_method").string_len(100))
                    .col(ColumnDef::new("payment_key").string_len(255))
                    .col(ColumnDef::new("payment_id").uuid())
                    .col(ColumnDef::new("placed_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("lease_until").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("order_lines")
                    .col(ColumnDef::new("order_id").big_integer().not_null())
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .col(ColumnDef::new("name").string_len(255).not_null())
                    .col(ColumnDef::new("unit_price_minor").big_integer().not_null())
                    .col(ColumnDef::new("quantity").big_integer().not_null())
                    .primary_key(Index::create().col("order_id").col("product_id"))
                    .foreign_key(ForeignKey::create().from("order_lines", "order_id").to("orders", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("order_timeline")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("order_id").big_integer().not_null())
                    .col(ColumnDef::new("at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("state").string_len(16).not_null())
                    .col(ColumnDef::new("note").text().not_null())
                    .foreign_key(ForeignKey::create().from("order_timeline", "order_id").to("orders", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                // no foreign key: the hold of a removed order must still be released
                Table::create()
                    .table("order_effects")
                    .col(ColumnDef::new("order_id").big_integer().not_null())
                    .col(ColumnDef::new("kind").string_len(16).not_null())
                    .col(ColumnDef::new("attempts").integer().not_null())
                    .col(ColumnDef::new("due_at").timestamp_with_time_zone().not_null())
                    .primary_key(Index::create().col("order_id").col("kind"))
                    .to_owned(),
            )
            .await?;
        kernel::idempotency::create_table(manager).await?;
        for (name, table, columns) in [
            ("orders_by_user", "orders", &["user_id", "id"][..]),
            ("orders_by_payment", "orders", &["payment_id"]),
            ("orders_by_state_and_expiry", "orders", &["state", "expires_at"]),
            ("orders_by_state_and_lease", "orders", &["state", "lease_until"]),
            ("order_timeline_by_order", "order_timeline", &["order_id", "id"]),
            ("order_effects_by_due", "order_effects", &["due_at"]),
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
