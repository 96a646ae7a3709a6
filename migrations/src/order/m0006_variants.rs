//! Lines of variants: `product_id` has the id of a variant from now on, and `of_product` that of its product. Without options a product
//! has one variant, with its id, and `of_product` is null (docs/decisions/0014-variants.md).

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0006_variants"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [ColumnDef::new("of_product").big_integer().to_owned(), ColumnDef::new("sku").string_len(64).to_owned()] {
            manager.alter_table(Table::alter().table("order_lines").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
