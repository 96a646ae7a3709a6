//! What a cart looks like: decisions that need no store and no call.

use crate::{
    Cart, CartError, CartItem, Issue,
    store::{Line, Seen, Stored},
};
use kernel::{Amount, Currency, Fault, Money};
use product::{Product, ProductId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What is known about the products of a cart now.
#[derive(Serialize, Deserialize)]
pub(crate) struct Catalogue {
    /// Each product that was asked for; none for one that is no longer sold.
    pub(crate) products: HashMap<ProductId, Option<Sold>>,
    /// Whether products could not be reached, so that nothing is known.
    pub(crate) stale: bool,
}

/// What a cart shows of a product.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sold {
    pub(crate) name: String,
    price_minor: i64,
    currency: Currency,
    /// Pieces that are left.
    pub(crate) stock: u32,
}

impl Catalogue {
    /// A product that can be bought.
    pub(crate) fn sold(&self, id: ProductId) -> Result<&Sold, CartError> {
        self.products.get(&id).and_then(Option::as_ref).ok_or(CartError::ProductNotFound)
    }

    /// Everything that the user sees of it.
    pub(crate) fn seen(&self) -> impl Iterator<Item = Seen<'_>> {
        self.products.iter().filter_map(|(id, product)| product.as_ref().map(|product| product.seen(*id)))
    }

    /// The answer for a product; `None` when nothing is known about it, because it was not asked for.
    fn get(&self, line: &Line) -> Option<Option<&Sold>> {
        self.products.get(&line.product).map(Option::as_ref)
    }
}

impl Sold {
    /// What its user sees of it.
    pub(crate) fn seen(&self, product: ProductId) -> Seen<'_> {
        Seen { product, name: &self.name, price: self.price() }
    }

    fn price(&self) -> Money {
        Money { minor: self.price_minor, currency: self.currency }
    }
}

impl TryFrom<Product> for Sold {
    type Error = Fault;

    fn try_from(product: Product) -> Result<Self, Fault> {
        let wrong = || Fault::internal(format_args!("price of product {}: {} {}", product.id, product.price, product.currency));
        let price = product.price.in_currency(product.currency).ok_or_else(wrong)?;
        Ok(Self { name: product.name, price_minor: price.minor, currency: price.currency, stock: product.stock_quantity })
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
        let quantity = line.quantity;
        let (name, price, stock) = match catalogue.get(line) {
            Some(Some(product)) => (product.name.clone(), product.price(), Some(product.stock)),
            Some(None) => ("Product Unavailable".into(), Money::zero(line.price.currency), Some(0)),
            None => (line.name.clone(), line.price, None),
        };
        let unavailable = matches!(catalogue.get(line), Some(None));
        let too_large = || Fault::internal("a cart costs too much");
        let subtotal = price.times(quantity).ok_or_else(too_large)?;
        total = Some(total.unwrap_or(Money::zero(price.currency)).plus(subtotal).ok_or_else(too_large)?);
        total_items += if unavailable { 0 } else { quantity };
        items.push(CartItem {
            product_id: line.product,
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
        created_at: Some(stored.created_at),
        updated_at: Some(stored.updated_at),
        expires_at: Some(stored.expires_at),
    })
}

/// The lines whose name or price is another than the user last saw.
pub(crate) fn changed<'a>(stored: &Stored, catalogue: &'a Catalogue) -> Vec<Seen<'a>> {
    let seen_now = |line: &Line| {
        Some(catalogue.get(line)??.seen(line.product)).filter(|now| now.name != line.name || now.price != line.price)
    };
    stored.lines.iter().filter_map(seen_now).collect()
}

/// What keeps the lines from being ordered as they were last seen.
pub(crate) fn issues(stored: &Stored, catalogue: &Catalogue) -> Vec<Issue> {
    let mut issues = Vec::new();
    for line in &stored.lines {
        let mut say = |issue| issues.push(Issue { product_id: line.product, issue });
        match catalogue.get(line) {
            Some(Some(product)) => {
                if product.stock < line.quantity {
                    say(format!("Only {} items available, requested {}", product.stock, line.quantity));
                }
                if line.price != product.price() {
                    say(format!("Price changed from {} to {}", line.price.amount(), product.price().amount()));
                }
            }
            Some(None) => say("Product no longer available".into()),
            None => {}
        }
    }
    issues
}
