//! Types of the contract from rows, and rows of new products.

use crate::{
    Category, CategoryId, HeldLine, Hold, NewProduct, Product, ProductError, ProductId,
    entity::{category, hold, hold_line, product},
    sort_key::sort_key,
};
use kernel::{Currency, Fault, Money, OrderId, now};
use sea_orm::Set;

pub(crate) fn new_row(new: NewProduct, price: Money) -> product::ActiveModel {
    let now = now();
    product::ActiveModel {
        name_lower: Set(new.name.to_lowercase()),
        name_key: Set(Some(sort_key(&new.name))),
        name: Set(new.name.into()),
        description: Set(new.description.map(String::from).unwrap_or_default()),
        price_minor: Set(price.minor),
        currency: Set(price.currency.to_string()),
        category_id: Set(new.category_id.map(|id| id.0)),
        stock_quantity: Set(new.stock_quantity),
        reserved: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
        ..Default::default()
    }
}

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
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(crate) fn to_category(row: category::Model) -> Category {
    Category { id: CategoryId(row.id), name: row.name, parent_id: row.parent_id.map(CategoryId) }
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
