//! What a cart looks like: decisions that need no store and no call.

use crate::{
    Cart, CartItem, Issue,
    entity::item,
    store::{Seen, Stored},
};
use kernel::{Amount, Currency, Fault, Money};
use product::{Product, ProductId};
use std::collections::HashMap;

/// What is known about the products of a cart now.
pub(crate) struct Catalogue {
    /// Each product that was asked for; none for one that is no longer sold.
    pub(crate) products: HashMap<ProductId, Option<Product>>,
    /// Whether products could not be reached, so that nothing is known.
    pub(crate) stale: bool,
}

impl Catalogue {
    /// The answer for a product; `None` when nothing is known about it, because it was not asked for.
    fn get(&self, line: &item::Model) -> Option<Option<&Product>> {
        self.products.get(&ProductId(line.product_id)).map(Option::as_ref)
    }
}

/// The cart without lines.
pub(crate) fn empty() -> Cart {
    Cart {
        items: Vec::new(),
        total_amount: Amount::ZERO,
        total_items: 0,
        currency: None,
        stale: false,
        created_at: None,
        updated_at: None,
        expires_at: None,
    }
}

/// The cart as its user sees it.
pub(crate) fn cart(stored: &Stored, catalogue: &Catalogue) -> Result<Cart, Fault> {
    let (mut items, mut total, mut total_items) = (Vec::with_capacity(stored.lines.len()), None, 0);
    for line in &stored.lines {
        let quantity = quantity(line);
        let (name, price, stock) = match catalogue.get(line) {
            Some(Some(product)) => (product.name.clone(), money(product)?, Some(product.stock_quantity)),
            Some(None) => ("Product Unavailable".into(), Money::zero(last_price(line)?.currency), Some(0)),
            None => (line.product_name.clone(), last_price(line)?, None),
        };
        let unavailable = matches!(catalogue.get(line), Some(None));
        let too_large = || Fault::internal(format_args!("the cart of user {} costs too much", line.user_id));
        let subtotal = price.times(quantity).ok_or_else(too_large)?;
        total = Some(total.unwrap_or(Money::zero(price.currency)).plus(subtotal).ok_or_else(too_large)?);
        total_items += if unavailable { 0 } else { quantity };
        items.push(CartItem {
            product_id: ProductId(line.product_id),
            quantity,
            product_name: name,
            product_price: price.amount(),
            subtotal: subtotal.amount(),
            stock_available: stock,
            unavailable,
            added_at: line.added_at,
            updated_at: line.updated_at,
        });
    }
    Ok(Cart {
        items,
        total_amount: total.map_or(Amount::ZERO, Money::amount),
        total_items,
        currency: total.map(|total| total.currency),
        stale: catalogue.stale,
        created_at: Some(stored.cart.created_at),
        updated_at: Some(stored.cart.updated_at),
        expires_at: Some(stored.cart.expires_at),
    })
}

/// The lines whose name or price is another than the user last saw.
pub(crate) fn changed<'a>(stored: &Stored, catalogue: &'a Catalogue) -> Result<Vec<Seen<'a>>, Fault> {
    let mut changed = Vec::new();
    for line in &stored.lines {
        let Some(Some(product)) = catalogue.get(line) else { continue };
        let price = money(product)?;
        if line.product_name != product.name || last_price(line)? != price {
            changed.push(Seen { product: product.id, name: &product.name, price });
        }
    }
    Ok(changed)
}

/// What keeps the lines from being ordered as they were last seen.
pub(crate) fn issues(stored: &Stored, catalogue: &Catalogue) -> Result<Vec<Issue>, Fault> {
    let mut issues = Vec::new();
    for line in &stored.lines {
        let mut say = |issue| issues.push(Issue { product_id: ProductId(line.product_id), issue });
        match catalogue.get(line) {
            Some(Some(product)) => {
                let (quantity, last) = (quantity(line), last_price(line)?);
                if product.stock_quantity < quantity {
                    say(format!("Only {} items available, requested {quantity}", product.stock_quantity));
                }
                if last != money(product)? {
                    say(format!("Price changed from {} to {}", last.amount(), product.price));
                }
            }
            Some(None) => say("Product no longer available".into()),
            None => {}
        }
    }
    Ok(issues)
}

/// The price of a product as money.
pub(crate) fn money(product: &Product) -> Result<Money, Fault> {
    let money = product.price.in_currency(product.currency);
    money.ok_or_else(|| Fault::internal(format_args!("price of product {}: {} {}", product.id, product.price, product.currency)))
}

/// The price that the user last saw.
pub(crate) fn last_price(line: &item::Model) -> Result<Money, Fault> {
    let currency: Currency =
        line.currency.parse().map_err(|e| Fault::internal(format_args!("currency of product {}: {e}", line.product_id)))?;
    Ok(Money { minor: line.unit_price_minor, currency })
}

/// The store's checks keep it within the range.
pub(crate) fn quantity(line: &item::Model) -> u32 {
    u32::try_from(line.quantity).unwrap_or_default()
}
