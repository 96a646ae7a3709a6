//! Lines of variants: `product_id` has the id of a variant from now on, and `of_product` that of its product. Without options a product
//! has one variant, with its id, and `of_product` is null (docs/decisions/0014-variants.md).

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0003_variants"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let product = ColumnDef::new("of_product").big_integer().to_owned();
        manager.alter_table(Table::alter().table("cart_items").add_column(product).to_owned()).await
    }
}
