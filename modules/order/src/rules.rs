//! Decisions that need no store.

use crate::{OrderError, PriceChange};
use cart::SnapshotLine;
use kernel::{Amount, Currency, Fault, Money};
use product::{HeldLine, Hold};

/// The lines whose price is another than the cart last showed. Both sides are sorted by product.
pub(crate) fn price_changes(seen: &[SnapshotLine], hold: &Hold) -> Vec<PriceChange> {
    let pairs = std::iter::zip(seen, &hold.lines);
    let changed = pairs.filter(|(seen, held)| seen.unit_price != held.unit_price || seen.currency != hold.currency);
    changed.map(|(seen, held)| PriceChange { product_id: held.product_id, seen: seen.unit_price, now: held.unit_price }).collect()
}

/// What the lines cost together.
pub(crate) fn total(lines: &[HeldLine], currency: Currency) -> Result<Money, OrderError> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| {
        let line = money(line.unit_price, currency)?.times(line.quantity);
        line.and_then(|line| sum.plus(line)).ok_or(OrderError::TooDear)
    })
}

/// An amount of another module in minor units.
pub(crate) fn money(amount: Amount, currency: Currency) -> Result<Money, OrderError> {
    amount.in_currency(currency).ok_or_else(|| Fault::internal(format_args!("{amount} is no amount of {currency}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{OrderId, now};
    use product::ProductId;

    fn held(price: &str, quantity: u32) -> HeldLine {
        HeldLine { product_id: ProductId(1), name: "Lamp".into(), unit_price: price.parse().expect(price), quantity }
    }

    #[test]
    fn totals_are_exact() {
        let total = total(&[held("0.1", 3), held("19.99", 2)], Currency::Eur).expect("a total");
        assert_eq!(total.to_string(), "40.28 EUR");
        assert_eq!(super::total(&[held("99999999.99", 1_000_000)], Currency::Eur), Err(OrderError::TooDear));
    }

    #[test]
    fn a_changed_price_is_found() {
        let seen = |price: &str| SnapshotLine {
            product_id: ProductId(1),
            quantity: 1,
            product_name: "Lamp".into(),
            unit_price: price.parse().expect(price),
            currency: Currency::Eur,
        };
        let hold = Hold { order_id: OrderId(1), currency: Currency::Eur, lines: vec![held("5", 1)], expires_at: now() };
        assert_eq!(price_changes(&[seen("5.00")], &hold), []);
        assert_eq!(price_changes(&[seen("4.99")], &hold).len(), 1);
    }
}
