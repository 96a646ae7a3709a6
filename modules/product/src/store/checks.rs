//! What must not be in the tables, and what the order module must know of stock, too.

use crate::entity::{hold, hold_line};
use kernel::{
    BoxError, OrderId,
    db::Db,
    verify::{Check, Entry, Span},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeMap;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "product.stock",
        rule: "no variant has fewer pieces than none that can be sold or are held",
        query: "SELECT 'variant ' || variant_id || ': ' || available || ' available, ' || held || ' held' AS found \
                FROM stock_items WHERE available < 0 OR held < 0",
    },
    Check {
        name: "product.held",
        rule: "what is held of a variant is the sum of its open holds",
        query: "SELECT 'variant ' || variant_id || ': ' || held || ' held, ' || COALESCE(quantity, 0) || ' by orders' AS found \
                FROM stock_items LEFT JOIN (SELECT product_id, SUM(quantity) AS quantity FROM hold_lines \
                    JOIN holds ON holds.order_id = hold_lines.order_id WHERE holds.status = 'held' GROUP BY product_id) AS orders \
                ON orders.product_id = stock_items.variant_id WHERE held <> COALESCE(quantity, 0)",
    },
    Check {
        name: "product.ledger",
        rule: "the stock of a variant is the sum of its movements",
        query: "SELECT 'variant ' || stock_items.variant_id || ': ' || available || ' available and ' || held || ' held, its movements ' \
                    || COALESCE(moved, 0) || ' and ' || COALESCE(moved_held, 0) AS found \
                FROM stock_items LEFT JOIN (SELECT variant_id, SUM(available_change) AS moved, SUM(held_change) AS moved_held \
                    FROM stock_movements GROUP BY variant_id) AS ledger ON ledger.variant_id = stock_items.variant_id \
                WHERE available <> COALESCE(moved, 0) OR held <> COALESCE(moved_held, 0)",
    },
    Check {
        name: "product.sums",
        rule: "stock and price of a product are the sums and the lowest of its variants",
        query: "SELECT 'product ' || id || ': ' || stock_quantity || ' in stock, ' || reserved || ' reserved at ' || price_minor \
                    || ', its variants ' || COALESCE(pieces, 0) || ', ' || COALESCE(held, 0) || ' at ' || COALESCE(lowest, 0) AS found \
                FROM products LEFT JOIN (SELECT product_id, SUM(CASE WHEN deleted_at IS NULL THEN available ELSE 0 END) AS pieces, \
                        SUM(held) AS held, MIN(CASE WHEN deleted_at IS NULL THEN price_minor END) AS lowest \
                    FROM variants JOIN stock_items ON stock_items.variant_id = variants.id GROUP BY product_id) AS sold \
                ON sold.product_id = products.id \
                WHERE deleted_at IS NULL AND (stock_quantity <> COALESCE(pieces, 0) OR reserved <> COALESCE(held, 0) \
                    OR lowest IS NULL OR price_minor <> lowest)",
    },
    Check {
        name: "product.slugs",
        rule: "the slug of a product is its own",
        query: "SELECT 'product ' || id || ': ' || slug AS found FROM products WHERE deleted_at IS NULL AND slug IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM product_slugs AS own WHERE own.slug = products.slug AND own.product_id = products.id)",
    },
    Check {
        name: "product.category_slugs",
        rule: "the slug of a category is its own",
        query: "SELECT 'category ' || id || ': ' || slug AS found FROM categories WHERE slug IS NOT NULL \
                AND NOT EXISTS (SELECT 1 FROM category_slugs AS own WHERE own.slug = categories.slug AND own.category_id = categories.id)",
    },
    Check {
        name: "product.hold_status",
        rule: "a hold is held, committed, released or expired",
        query: "SELECT 'order ' || order_id || ': ' || status AS found FROM holds \
                WHERE status NOT IN ('held', 'committed', 'released', 'expired')",
    },
    Check {
        name: "product.hold_lines",
        rule: "stock that is held or sold has lines, each of at least one piece of a variant that exists",
        query: "SELECT 'order ' || holds.order_id || ': ' || COALESCE('variant ' || hold_lines.product_id, 'no lines') AS found \
                FROM holds LEFT JOIN hold_lines ON hold_lines.order_id = holds.order_id \
                LEFT JOIN variants ON variants.id = hold_lines.product_id \
                WHERE holds.status IN ('held', 'committed') AND (variants.id IS NULL OR hold_lines.quantity < 1)",
    },
    Check {
        name: "product.categories",
        rule: "every category is below one that is in no other",
        query: "SELECT 'category ' || id AS found FROM categories WHERE id NOT IN (WITH RECURSIVE below AS ( \
                    SELECT id FROM categories WHERE parent_id IS NULL \
                    UNION SELECT categories.id FROM categories JOIN below ON categories.parent_id = below.id) \
                SELECT id FROM below)",
    },
];

/// The stock of orders, as this module knows it.
pub(crate) async fn stock(db: Db, span: Span) -> Result<Vec<Entry>, BoxError> {
    use hold::{Column, Status};
    let holds = hold::Entity::find()
        .filter(Column::OrderId.gt(span.after))
        .filter(Column::OrderId.lte(span.until))
        .filter(Column::Status.is_in([Status::Held, Status::Committed]));
    let holds = holds.order_by_asc(Column::OrderId).limit(span.limit).all(db.read()).await?;
    let orders = holds.iter().map(|hold| hold.order_id);
    let lines = hold_line::Entity::find().filter(hold_line::Column::OrderId.is_in(orders)).all(db.read()).await?;
    let mut sums: BTreeMap<i64, (i128, i128)> = BTreeMap::new();
    for line in lines {
        let (pieces, minor) = sums.entry(line.order_id).or_default();
        *pieces += i128::from(line.quantity);
        *minor += i128::from(line.quantity) * i128::from(line.unit_price_minor);
    }
    let entry = |hold: hold::Model| {
        let (pieces, minor) = sums.get(&hold.order_id).copied().unwrap_or_default();
        let how = if hold.status == Status::Held { "held" } else { "sold" };
        Entry { order: OrderId(hold.order_id), state: Some(format!("{pieces} pieces for {minor} {how}")) }
    };
    Ok(holds.into_iter().map(entry).collect())
}
