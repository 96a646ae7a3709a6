//! The sort key of product names. We compute it, because the order of text in a store depends on its set-up. A job computes the
//! keys of existing products.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0004_name_key"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = ColumnDef::new("name_key").blob().to_owned();
        manager.alter_table(Table::alter().table("products").add_column(key).to_owned()).await?;
        let sorted = Index::create().name("products_by_name_key").table("products").col("name_key").col("id").to_owned();
        manager.create_index(sorted).await?;
        let without = Index::create()
            .name("products_without_name_key")
            .table("products")
            .col("id")
            .and_where(Expr::col("name_key").is_null())
            .to_owned();
        manager.create_index(without).await
    }
}
