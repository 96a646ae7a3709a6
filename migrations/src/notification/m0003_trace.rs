//! The trace that a notification belongs to, so that its message is sent in it.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0003_trace"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new("traceparent").string_len(55).to_owned();
        manager.alter_table(Table::alter().table("notifications").add_column(&mut column).to_owned()).await
    }
}
