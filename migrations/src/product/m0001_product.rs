//! Categories, products, and the holds of orders.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_product"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("categories")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("name").string_len(100).not_null())
                    .col(ColumnDef::new("parent_id").big_integer())
                    .foreign_key(ForeignKey::create().from("categories", "parent_id").to("categories", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("products")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("name").string_len(255).not_null())
                    // lower case of the name: LIKE of SQLite ignores case only for ASCII letters
                    .col(ColumnDef::new("name_lower").string_len(765).not_null())
                    .col(ColumnDef::new("description").text().not_null())
                    .col(ColumnDef::new("price_minor").big_integer().not_null().check(Expr::col("price_minor").gte(0)))
                    .col(ColumnDef::new("currency").string_len(3).not_null())
                    .col(ColumnDef::new("category_id").big_integer())
                    // pieces that can be sold, and pieces that orders hold: never below zero, whatever the code does
                    .col(ColumnDef::new("stock_quantity").big_integer().not_null().check(Expr::col("stock_quantity").gte(0)))
                    .col(ColumnDef::new("reserved").big_integer().not_null().check(Expr::col("reserved").gte(0)))
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("deleted_at").timestamp_with_time_zone())
                    .foreign_key(ForeignKey::create().from("products", "category_id").to("categories", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("holds")
                    .col(ColumnDef::new("order_id").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("status").string_len(16).not_null())
                    .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("hold_lines")
                    .col(ColumnDef::new("order_id").big_integer().not_null())
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .col(ColumnDef::new("quantity").big_integer().not_null())
                    .col(ColumnDef::new("name").string_len(255).not_null())
                    .col(ColumnDef::new("unit_price_minor").big_integer().not_null())
                    .primary_key(Index::create().col("order_id").col("product_id"))
                    .foreign_key(ForeignKey::create().from("hold_lines", "order_id").to("holds", "order_id"))
                    .to_owned(),
            )
            .await?;
        kernel::idempotency::create_table(manager).await?;
        for (name, table, columns) in [
            ("categories_by_parent", "categories", &["parent_id"][..]),
            ("products_by_category", "products", &["category_id", "id"]),
            ("products_by_name", "products", &["name", "id"]),
            ("products_by_price", "products", &["price_minor", "id"]),
            ("products_by_stock", "products", &["stock_quantity", "id"]),
            ("products_by_age", "products", &["created_at", "id"]),
            ("holds_by_expiry", "holds", &["status", "expires_at"]),
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
