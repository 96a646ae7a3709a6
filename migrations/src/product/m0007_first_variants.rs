//! The first variant of each product that has none, with its stock. Three statements, each over all products, that lock none: the
//! triggers of the step before see to products that are changed meanwhile.

use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0007_first_variants"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(FILL).await?;
        Ok(())
    }
}

const FILL: &str = "
INSERT INTO variants (id, product_id, position, options, price_minor, created_at, updated_at, deleted_at)
SELECT id, id, 0, '', price_minor, created_at, updated_at, deleted_at FROM products WHERE true ON CONFLICT DO NOTHING;
INSERT INTO stock_items (variant_id, location_id, available, held, version, updated_at)
SELECT id, 1, stock_quantity, reserved, 1, updated_at FROM products WHERE true ON CONFLICT DO NOTHING;
INSERT INTO stock_movements (variant_id, location_id, kind, available_change, held_change, note, at)
SELECT variant_id, location_id, 'adjusted', available, held, 'opening balance', updated_at FROM stock_items
WHERE (available <> 0 OR held <> 0) AND NOT EXISTS (SELECT 1 FROM stock_movements m WHERE m.variant_id = stock_items.variant_id);
";
