//! Versions of products and categories, which count the changes of their content.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0005_version"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::add_version(manager, "products", 1).await?;
        crate::add_version(manager, "categories", 1).await
    }
}
