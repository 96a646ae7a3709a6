//! Slugs of products: the present ones and those of before. A job gives them to existing products.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0009_slugs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let slug = ColumnDef::new("slug").string_len(100).to_owned();
        manager.alter_table(Table::alter().table("products").add_column(slug).to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table("product_slugs")
                    .col(ColumnDef::new("slug").string_len(100).not_null().primary_key())
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .foreign_key(ForeignKey::create().from("product_slugs", "product_id").to("products", "id"))
                    .to_owned(),
            )
            .await?;
        let of_product = Index::create().name("product_slugs_by_product").table("product_slugs").col("product_id").to_owned();
        manager.create_index(of_product).await?;
        let without = Index::create()
            .name("products_without_slug")
            .table("products")
            .col("id")
            .and_where(Expr::col("slug").is_null())
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned();
        manager.create_index(without).await
    }
}
