//! The contents, totals and issues of a cart at current prices. Pure functions.

use super::{
    catalogue::{Catalogue, Of},
    stored::{Line, Shown, Stored},
};
use crate::{Cart, CartError, CartItem, Issue};
use kernel::{Amount, Currency, Money};

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

/// The cart as its user is shown it. It can be shown whatever the prices have become.
pub(crate) fn cart(stored: &Stored, catalogue: &Catalogue) -> Cart {
    let sums = sums(stored, catalogue);
    let items = std::iter::zip(&stored.lines, &sums.lines).map(|(line, sum)| {
        let (name, price, stock) = match catalogue.get(line) {
            Some(Some(product)) => (product.name.clone(), product.price(), Some(product.stock)),
            Some(None) => ("Product Unavailable".into(), Money::zero(line.price.currency), Some(0)),
            None => (line.name.clone(), line.price, None),
        };
        let of = catalogue.of(line);
        CartItem {
            product_id: of.product_id,
            variant_id: of.variant_id,
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

/// Whether a line counts towards the total of its cart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sum {
    Counted,
    Unavailable,
    TooDear,
}

struct Sums {
    /// One for each line of the cart.
    lines: Vec<Sum>,
    /// Total of the lines that count; `None` without lines.
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

/// Refuses a cart whose total is above the highest amount, before it is stored.
pub(crate) fn must_be_payable(stored: &Stored, catalogue: &Catalogue) -> Result<(), CartError> {
    let sums = sums(stored, catalogue);
    if sums.lines.contains(&Sum::TooDear) { Err(too_dear(sums.total.map(|total| total.currency))) } else { Ok(()) }
}

pub(crate) fn too_dear(currency: Option<Currency>) -> CartError {
    let currency = currency.unwrap_or_default();
    CartError::TooDear { most: Money { minor: Money::MAX_MINOR, currency }.amount(), currency }
}

/// The current names and prices of the lines that were last shown with other ones.
pub(crate) fn changed<'a>(stored: &Stored, catalogue: &'a Catalogue) -> Vec<Shown<'a>> {
    let shown_now = |line: &Line| {
        Some(catalogue.get(line)??.shown(line.variant))
            .filter(|now| now.name != line.name || now.price != line.price || now.product != line.product)
    };
    stored.lines.iter().filter_map(shown_now).collect()
}

/// The reasons why lines cannot be ordered as they were last shown.
pub(crate) fn issues(stored: &Stored, catalogue: &Catalogue) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (line, sum) in std::iter::zip(&stored.lines, sums(stored, catalogue).lines) {
        let Of { product_id, variant_id } = catalogue.of(line);
        let mut add = |issue| issues.push(Issue { product_id, variant_id, issue });
        match catalogue.get(line) {
            Some(Some(product)) => {
                if product.stock < line.quantity {
                    add(format!("Only {} items available, requested {}", product.stock, line.quantity));
                }
                if sum == Sum::TooDear {
                    add("Makes the cart cost more than can be paid; take fewer pieces".into());
                }
                if line.price != product.price() {
                    add(format!("Price changed from {} to {}", line.price.amount(), product.price().amount()));
                }
            }
            Some(None) => add("Product no longer available".into()),
            None => {}
        }
    }
    issues
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::catalogue::Sold;
    use kernel::chrono::DateTime;
    use product::VariantId;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn every_cart_can_be_shown_and_only_payable_carts_are_stored(
            lines in prop::collection::vec((0..=i64::MAX / 2, 1..=1_000_000_u32, 0..4_u8), 0..100),
        ) {
            let at = DateTime::UNIX_EPOCH;
            let currency = Currency::Vnd;
            let (mut variants, mut exact) = (HashMap::new(), 0_i128);
            let stored = lines.iter().enumerate().map(|(i, &(price, quantity, kind))| {
                let variant = VariantId(i as i64 + 1);
                // most prices are small, some of any size
                let price_minor = (if kind == 0 { price } else { price % 10_000_000_000 }).min(Money::MAX_MINOR);
                let is_sold = kind != 1;
                exact += if is_sold { i128::from(price_minor) * i128::from(quantity) } else { 0 };
                let sold = Sold { product: None, name: "Lamp".into(), price_minor, currency, stock: quantity };
                variants.insert(variant, is_sold.then_some(sold));
                let price = Money { minor: 1, currency };
                Line { variant, product: None, quantity, name: "Lamp".into(), price, added_at: at, updated_at: at }
            });
            let stored = Stored { version: 1, created_at: at, updated_at: at, expires_at: at, lines: stored.collect() };
            let catalogue = Catalogue { variants, stale: false };

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
