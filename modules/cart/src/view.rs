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
    pub(crate) currency: Currency,
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

/// The cart as its user sees it. Whatever has become of the prices, it can be shown.
pub(crate) fn cart(stored: &Stored, catalogue: &Catalogue) -> Cart {
    let sums = sums(stored, catalogue);
    let items = std::iter::zip(&stored.lines, &sums.lines).map(|(line, sum)| {
        let (name, price, stock) = match catalogue.get(line) {
            Some(Some(product)) => (product.name.clone(), product.price(), Some(product.stock)),
            Some(None) => ("Product Unavailable".into(), Money::zero(line.price.currency), Some(0)),
            None => (line.name.clone(), line.price, None),
        };
        CartItem {
            product_id: line.product,
            quantity: line.quantity,
            product_name: name,
            product_price: price.amount(),
            subtotal: price.times(line.quantity).map_or(Amount::ZERO, Money::amount),
            stock_available: stock,
            unavailable: *sum == Sum::Unavailable,
            too_dear: *sum == Sum::TooDear,
            added_at: line.added_at,
            updated_at: line.updated_at,
        }
    });
    let counted = std::iter::zip(&stored.lines, &sums.lines).filter(|(_, sum)| **sum == Sum::Counted);
    Cart {
        items: items.collect(),
        total_amount: sums.total.map_or(Amount::ZERO, Money::amount),
        total_items: counted.map(|(line, _)| line.quantity).sum(),
        currency: sums.total.map(|total| total.currency),
        stale: catalogue.stale,
        created_at: Some(stored.created_at),
        updated_at: Some(stored.updated_at),
        expires_at: Some(stored.expires_at),
    }
}

/// What a line does to the total of its cart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sum {
    Counted,
    Unavailable,
    TooDear,
}

struct Sums {
    /// For each line.
    lines: Vec<Sum>,
    /// Of all lines that are counted; none without lines.
    total: Option<Money>,
}

fn sums(stored: &Stored, catalogue: &Catalogue) -> Sums {
    let mut total = None;
    let lines = stored.lines.iter().map(|line| {
        let price = match catalogue.get(line) {
            Some(None) => {
                total.get_or_insert(Money::zero(line.price.currency));
                return Sum::Unavailable;
            }
            Some(Some(product)) => product.price(),
            None => line.price,
        };
        let before = *total.get_or_insert(Money::zero(price.currency));
        match price.times(line.quantity).and_then(|sum| before.plus(sum)) {
            Some(sum) => {
                total = Some(sum);
                Sum::Counted
            }
            None => Sum::TooDear,
        }
    });
    Sums { lines: lines.collect(), total }
}

/// Refuses a cart that costs more than can be shown, before it is kept.
pub(crate) fn must_be_payable(stored: &Stored, catalogue: &Catalogue) -> Result<(), CartError> {
    let sums = sums(stored, catalogue);
    if sums.lines.contains(&Sum::TooDear) { Err(too_dear(sums.total.map(|total| total.currency))) } else { Ok(()) }
}

pub(crate) fn too_dear(currency: Option<Currency>) -> CartError {
    let currency = currency.unwrap_or_default();
    CartError::TooDear { most: Money { minor: Money::MAX_MINOR, currency }.amount(), currency }
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
    for (line, sum) in std::iter::zip(&stored.lines, sums(stored, catalogue).lines) {
        let mut say = |issue| issues.push(Issue { product_id: line.product, issue });
        match catalogue.get(line) {
            Some(Some(product)) => {
                if product.stock < line.quantity {
                    say(format!("Only {} items available, requested {}", product.stock, line.quantity));
                }
                if sum == Sum::TooDear {
                    say("Makes the cart cost more than can be paid; take fewer pieces".into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::chrono::DateTime;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_cart_can_be_shown_and_only_payable_ones_are_kept(
            lines in prop::collection::vec((0..=i64::MAX / 2, 1..=1_000_000_u32, 0..4_u8), 0..100),
        ) {
            let at = DateTime::UNIX_EPOCH;
            let currency = Currency::Vnd;
            let (mut products, mut exact) = (HashMap::new(), 0_i128);
            let stored = lines.iter().enumerate().map(|(i, &(price, quantity, kind))| {
                let product = ProductId(i as i64 + 1);
                // most prices are small, some of any size
                let price_minor = (if kind == 0 { price } else { price % 10_000_000_000 }).min(Money::MAX_MINOR);
                let is_sold = kind != 1;
                exact += if is_sold { i128::from(price_minor) * i128::from(quantity) } else { 0 };
                let sold = Sold { name: "Lamp".into(), price_minor, currency, stock: quantity };
                products.insert(product, is_sold.then_some(sold));
                let price = Money { minor: 1, currency };
                Line { product, quantity, name: "Lamp".into(), price, added_at: at, updated_at: at }
            });
            let stored = Stored { version: 1, created_at: at, updated_at: at, expires_at: at, lines: stored.collect() };
            let catalogue = Catalogue { products, stale: false };

            let cart = cart(&stored, &catalogue);
            let counted = cart.items.iter().filter(|item| !item.unavailable && !item.too_dear);
            let sum = counted.clone().map(|item| item.subtotal.in_currency(currency).expect("an amount").minor).sum::<i64>();
            prop_assert_eq!(cart.total_amount.in_currency(currency).expect("an amount").minor, sum);
            prop_assert_eq!(cart.total_items, counted.map(|item| item.quantity).sum::<u32>());
            let fits = exact <= i128::from(Money::MAX_MINOR);
            prop_assert_eq!(must_be_payable(&stored, &catalogue).is_ok(), fits);
            prop_assert_eq!(cart.items.iter().all(|item| !item.too_dear), fits);
            prop_assert!(!fits || exact == i128::from(sum));
        }
    }
}
