//! Variants of products, their stock, and its movements (docs/decisions/0014-variants.md and 0015-stock-ledger.md).
//!
//! The columns of price and stock in `products` stay: they are the lowest price and the sums of the variants. The release before
//! this one writes them; on PostgreSQL, where both may run at once, triggers carry what it wrote over to the variant of the product.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0006_variants"
    }
}

/// The id before that of the first further variant: higher than any id of a product.
const BEFORE_VARIANTS: i64 = 1_000_000_000_000 - 1;

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let optional = |name: &'static str| ColumnDef::new(name).big_integer().to_owned();
        manager
            .create_table(
                Table::create()
                    .table("variants")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .col(ColumnDef::new("position").integer().not_null())
                    // names and values of the options as JSON, so that an index can compare them; empty without options
                    .col(ColumnDef::new("options").text().not_null())
                    .col(ColumnDef::new("sku").string_len(64))
                    // lower case of the SKU
                    .col(ColumnDef::new("sku_key").string_len(192))
                    .col(ColumnDef::new("gtin").string_len(14))
                    .col(ColumnDef::new("price_minor").big_integer().not_null().check(Expr::col("price_minor").gte(0)))
                    .col(optional("weight_grams"))
                    .col(optional("length_mm"))
                    .col(optional("width_mm"))
                    .col(optional("height_mm"))
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("deleted_at").timestamp_with_time_zone())
                    .foreign_key(ForeignKey::create().from("variants", "product_id").to("products", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("stock_items")
                    .col(ColumnDef::new("variant_id").big_integer().not_null())
                    // one location is used so far
                    .col(ColumnDef::new("location_id").big_integer().not_null())
                    .col(ColumnDef::new("available").big_integer().not_null().check(Expr::col("available").gte(0)))
                    .col(ColumnDef::new("held").big_integer().not_null().check(Expr::col("held").gte(0)))
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
                    .primary_key(Index::create().col("variant_id").col("location_id"))
                    .foreign_key(ForeignKey::create().from("stock_items", "variant_id").to("variants", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                // no foreign keys: rows are only added, in the transactions of the items
                Table::create()
                    .table("stock_movements")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("variant_id").big_integer().not_null())
                    .col(ColumnDef::new("location_id").big_integer().not_null())
                    .col(ColumnDef::new("kind").string_len(16).not_null())
                    .col(ColumnDef::new("available_change").big_integer().not_null())
                    .col(ColumnDef::new("held_change").big_integer().not_null())
                    .col(ColumnDef::new("order_id").big_integer())
                    // the admin who made it; none for orders and the program itself
                    .col(ColumnDef::new("user_id").big_integer())
                    .col(ColumnDef::new("note").string_len(255).not_null())
                    .col(ColumnDef::new("at").timestamp_with_time_zone().not_null())
                    .to_owned(),
            )
            .await?;
        let index = |name: &'static str, table: &'static str, columns: &[&'static str]| {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            index
        };
        let living = || Expr::col("deleted_at").is_null();
        for index in [
            index("variants_by_product", "variants", &["product_id", "position", "id"]),
            index("variants_by_options", "variants", &["product_id", "options"]).unique().and_where(living()).to_owned(),
            index("variants_by_sku", "variants", &["sku_key"]).unique().and_where(living()).to_owned(),
            index("variants_by_gtin", "variants", &["gtin"]).and_where(living()).to_owned(),
            index("stock_movements_by_variant", "stock_movements", &["variant_id", "id"]),
            index("stock_movements_by_kind", "stock_movements", &["kind", "id"]),
            index("stock_movements_of_orders", "stock_movements", &["order_id", "variant_id", "kind"]).unique().to_owned(),
        ] {
            manager.create_index(index).await?;
        }
        // `product_id` has the id of a variant from now on, and `of_product` that of its product; null if that has no options
        for column in [ColumnDef::new("of_product").big_integer().to_owned(), ColumnDef::new("sku").string_len(64).to_owned()] {
            manager.alter_table(Table::alter().table("hold_lines").add_column(column).to_owned()).await?;
        }

        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared(&format!("SELECT setval('variants_id_seq', {BEFORE_VARIANTS})")).await?;
            db.execute_unprepared(POSTGRES).await?;
        } else {
            let first = format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('variants', {BEFORE_VARIANTS})");
            db.execute_unprepared(&first).await?;
        }
        Ok(())
    }
}

/// Each runs at the end of its transaction, and compares what `products` says then with the variants. This release writes both, and
/// they agree; the release before writes `products` alone. To be dropped by the release after this one.
const POSTGRES: &str = r#"
CREATE FUNCTION product_of_earlier_release() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    product products%ROWTYPE;
    -- what products has more than the variants
    more_available bigint;
    more_held bigint;
BEGIN
    SELECT * INTO product FROM products WHERE id = NEW.id FOR UPDATE;
    INSERT INTO variants (id, product_id, position, options, price_minor, created_at, updated_at, deleted_at)
    VALUES (product.id, product.id, 0, '', product.price_minor, product.created_at, product.updated_at, product.deleted_at)
    ON CONFLICT DO NOTHING;
    IF product.deleted_at IS NOT NULL THEN
        UPDATE variants SET deleted_at = product.deleted_at WHERE product_id = product.id AND deleted_at IS NULL;
    END IF;
    INSERT INTO stock_items (variant_id, location_id, available, held, version, updated_at)
    SELECT id, 1, 0, 0, 1, updated_at FROM variants WHERE id = product.id ON CONFLICT DO NOTHING;
    -- a product that was deleted has nothing that can be sold
    SELECT product.stock_quantity - coalesce(sum(i.available) FILTER (WHERE product.deleted_at IS NOT NULL OR v.deleted_at IS NULL), 0),
        product.reserved - coalesce(sum(i.held), 0)
    INTO more_available, more_held
    FROM stock_items i JOIN variants v ON v.id = i.variant_id WHERE v.product_id = product.id;
    IF more_available <> 0 OR more_held <> 0 THEN
        UPDATE stock_items SET available = available + more_available, held = held + more_held, version = version + 1,
            updated_at = product.updated_at
        WHERE variant_id = product.id AND location_id = 1;
        INSERT INTO stock_movements (variant_id, location_id, kind, available_change, held_change, note, at)
        VALUES (product.id, 1, 'adjusted', more_available, more_held, 'earlier release', product.updated_at);
    END IF;
    IF product.deleted_at IS NULL AND product.price_minor <> (
        SELECT min(price_minor) FROM variants WHERE product_id = product.id AND deleted_at IS NULL)
    THEN
        UPDATE variants SET price_minor = product.price_minor, updated_at = product.updated_at WHERE id = product.id;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER product_added_by_earlier_release AFTER INSERT ON products
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION product_of_earlier_release();
CREATE CONSTRAINT TRIGGER product_changed_by_earlier_release
AFTER UPDATE OF price_minor, stock_quantity, reserved, deleted_at ON products
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION product_of_earlier_release();
"#;
