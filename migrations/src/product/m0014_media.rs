//! Pictures: what was uploaded, what has them, and what is shown of them with products and categories.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0014_media"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("media")
                    .col(ColumnDef::new("id").string_len(64).not_null().primary_key())
                    .col(ColumnDef::new("object").string_len(200).not_null())
                    .col(ColumnDef::new("media_type").string_len(40).not_null())
                    .col(ColumnDef::new("width").integer().not_null())
                    .col(ColumnDef::new("height").integer().not_null())
                    .col(ColumnDef::new("bytes").big_integer().not_null())
                    .col(ColumnDef::new("uploaded_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("used_at").timestamp_with_time_zone())
                    .to_owned(),
            )
            .await?;
        // lists have the newest first
        let by_time = Index::create().name("media_by_time").table("media").col("uploaded_at").col("id").to_owned();
        manager.create_index(by_time).await?;
        let unused = Index::create()
            .name("media_unused")
            .table("media")
            .col("uploaded_at")
            .and_where(Expr::col("used_at").is_null())
            .to_owned();
        manager.create_index(unused).await?;
        let by_object = Index::create().name("media_by_object").table("media").col("object").unique().to_owned();
        manager.create_index(by_object).await?;
        manager
            .create_table(
                Table::create()
                    .table("media_uses")
                    .col(ColumnDef::new("media_id").string_len(64).not_null())
                    // `product` or `category`
                    .col(ColumnDef::new("owner").string_len(16).not_null())
                    .col(ColumnDef::new("owner_id").big_integer().not_null())
                    .primary_key(Index::create().col("media_id").col("owner").col("owner_id"))
                    .foreign_key(ForeignKey::create().from("media_uses", "media_id").to("media", "id"))
                    .to_owned(),
            )
            .await?;
        let by_owner = Index::create().name("media_uses_by_owner").table("media_uses").col("owner").col("owner_id").to_owned();
        manager.create_index(by_owner).await?;
        // as JSON, so that showing them needs no other table
        for (table, column) in [("products", "pictures"), ("categories", "picture")] {
            let column = ColumnDef::new(column).text().not_null().default("").to_owned();
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
