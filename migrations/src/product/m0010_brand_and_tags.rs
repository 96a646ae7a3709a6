//! Brands, tags, and texts for search engines.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0010_brand_and_tags"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // the key is the brand in lower case
        for (name, length) in [("brand", 80), ("brand_key", 240), ("seo_title", 70), ("seo_description", 200)] {
            let column = ColumnDef::new(name).string_len(length).to_owned();
            manager.alter_table(Table::alter().table("products").add_column(column).to_owned()).await?;
        }
        // as they are shown, one on each line
        let tags = ColumnDef::new("tags").text().not_null().default("").to_owned();
        manager.alter_table(Table::alter().table("products").add_column(tags).to_owned()).await?;
        let by_brand = Index::create().name("products_by_brand").table("products").col("brand_key").col("id").to_owned();
        manager.create_index(by_brand).await?;
        manager
            .create_table(
                // for searching by tag
                Table::create()
                    .table("product_tags")
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    // lower case of the tag
                    .col(ColumnDef::new("tag_key").string_len(120).not_null())
                    .primary_key(Index::create().col("product_id").col("tag_key"))
                    .foreign_key(ForeignKey::create().from("product_tags", "product_id").to("products", "id"))
                    .to_owned(),
            )
            .await?;
        let by_tag = Index::create()
            .name("product_tags_by_tag")
            .table("product_tags")
            .col("tag_key")
            .col("product_id")
            .unique()
            .to_owned();
        manager.create_index(by_tag).await
    }
}
