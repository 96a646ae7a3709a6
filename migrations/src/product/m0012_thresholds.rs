//! Thresholds of stock with the outbox of their events, versions of variants, and what the lists of admins need.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0012_thresholds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let low_at = ColumnDef::new("low_at").big_integer().to_owned();
        manager.alter_table(Table::alter().table("stock_items").add_column(low_at).to_owned()).await?;
        // A column of its own: an index whose condition names `available` would be written anew by every hold. Each store adds the only
        // kind of generated column that it can: PostgreSQL writes the table again, which are some 80 bytes for each variant.
        let low = Expr::col("available").lte(Expr::col("low_at").if_null(-1));
        let is_low = ColumnDef::new("is_low").boolean().generated(low, is_postgres).to_owned();
        manager.alter_table(Table::alter().table("stock_items").add_column(is_low).to_owned()).await?;
        let low = Index::create().name("stock_items_low").table("stock_items").col("variant_id").to_owned();
        manager.create_index(low.clone().and_where(Expr::col("is_low")).to_owned()).await?;
        let by_time = Index::create().name("stock_movements_by_time").table("stock_movements").col("at").col("id").to_owned();
        manager.create_index(by_time).await?;

        crate::add_version(manager, "variants", 1).await?;
        if is_postgres {
            manager.get_connection().execute_unprepared(POSTGRES).await?;
        }
        kernel::outbox::create_table(manager).await?;
        kernel::outbox::add_listener(manager).await
    }
}

/// A price that the release before writes is a change of the variant, too. And an index for the beginnings of SKUs, which one in the order
/// of a language does not find.
const POSTGRES: &str = "
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('product_of_earlier_release'::regproc),
        'SET price_minor = product.price_minor,', 'SET price_minor = product.price_minor, version = version + 1,');
END $$;
CREATE INDEX variants_by_beginning_of_sku ON variants (sku_key text_pattern_ops) WHERE deleted_at IS NULL;
";
