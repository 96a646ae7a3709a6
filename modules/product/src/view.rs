//! Types of the contract from rows.

use crate::{
    Category, CategoryId, HeldLine, Hold, Product, ProductError, ProductId,
    entity::{category, hold, hold_line, product},
};
use kernel::{Currency, Fault, Money, OrderId};

pub(crate) fn to_product(row: product::Model) -> Result<Product, ProductError> {
    let currency = row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of product {}: {e}", row.id)))?;
    Ok(Product {
        id: ProductId(row.id),
        name: row.name,
        description: row.description,
        price: Money { minor: row.price_minor, currency }.amount(),
        currency,
        category_id: row.category_id.map(CategoryId),
        stock_quantity: to_quantity(row.stock_quantity),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(crate) fn to_category(row: category::Model) -> Category {
    Category { id: CategoryId(row.id), name: row.name, parent_id: row.parent_id.map(CategoryId), version: row.version }
}

pub(crate) fn to_hold(hold: hold::Model, lines: Vec<hold_line::Model>, currency: Currency) -> Hold {
    let lines = lines.into_iter().map(|line| HeldLine {
        product_id: ProductId(line.product_id),
        name: line.name,
        unit_price: Money { minor: line.unit_price_minor, currency }.amount(),
        quantity: to_quantity(line.quantity),
    });
    Hold { order_id: OrderId(hold.order_id), currency, lines: lines.collect(), expires_at: hold.expires_at }
}

/// Constraints of the tables keep quantities in this range.
pub(crate) fn to_quantity(quantity: i64) -> u32 {
    u32::try_from(quantity).unwrap_or_default()
}
