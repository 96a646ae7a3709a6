//! Attempts to pay orders.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_payment"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("payments")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("order_id").big_integer().not_null())
                    .col(ColumnDef::new("attempt").big_integer().not_null())
                    .col(ColumnDef::new("user_id").big_integer().not_null())
                    .col(ColumnDef::new("amount_minor").big_integer().not_null().check(Expr::col("amount_minor").gte(0)))
                    .col(ColumnDef::new("currency").string_len(3).not_null())
                    .col(ColumnDef::new("status").string_len(16).not_null())
                    .col(ColumnDef::new("provider").string_len(32).not_null())
                    .col(ColumnDef::new("payment_method").string_len(100).not_null())
                    .col(ColumnDef::new("asks").integer().not_null())
                    .col(ColumnDef::new("provider_reference").string_len(255))
                    .col(ColumnDef::new("failure_reason").text())
                    .col(ColumnDef::new("action_kind").text())
                    .col(ColumnDef::new("action_description").text())
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("payments_by_attempt").table("payments").col("order_id").col("attempt").unique().to_owned(),
            )
            .await?;
        // an order is never charged by two attempts, whatever the code does
        manager
            .create_index(
                Index::create()
                    .name("payments_one_per_order")
                    .table("payments")
                    .col("order_id")
                    .unique()
                    .and_where(Expr::col("status").is_in(["processing", "requires_action", "succeeded", "refunded"]))
                    .to_owned(),
            )
            .await
    }
}
