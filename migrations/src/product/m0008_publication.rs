//! Status and times of publication. What exists, and what the release before adds, is active.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0008_publication"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let status = ColumnDef::new("status").string_len(16).not_null().default("active").to_owned();
        // SQLite adds one column in a statement
        for column in [
            status,
            ColumnDef::new("published_from").timestamp_with_time_zone().to_owned(),
            ColumnDef::new("published_until").timestamp_with_time_zone().to_owned(),
        ] {
            manager.alter_table(Table::alter().table("products").add_column(column).to_owned()).await?;
        }
        // only of the few: an index of all would draw the lists of active products away from the indexes of their order
        let hidden = Index::create()
            .name("products_not_active")
            .table("products")
            .col("status")
            .col("id")
            .and_where(Expr::cust("status <> 'active'"))
            .to_owned();
        manager.create_index(hidden).await
    }
}
