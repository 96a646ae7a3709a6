//! (being written)
use sea_orm_migration::prelude::*;
pub(super) struct Step;
impl MigrationName for Step { fn name(&self) -> &str { "0001" } }
#[async_trait::async_trait]
impl MigrationTrait for Step { async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> { Ok(()) } }
