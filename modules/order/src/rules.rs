//! Rules of orders that need no store and no other module.

use crate::{
    OrderError, PriceChange,
    entity::order::{self, State},
};
use cart::SnapshotLine;
use kernel::{Amount, Ctx, Currency, Fault, Money, Role};
use product::{HeldLine, Hold};

/// The order, if the caller may see it: its owner and admins may, once it is placed.
pub(crate) fn visible(cx: &Ctx, row: Option<order::Model>) -> Result<order::Model, OrderError> {
    let user = cx.user()?;
    row.filter(|row| row.state != State::Placing && (row.user_id == user.0 || cx.has_role(Role::Admin)))
        .ok_or(OrderError::NotFound)
}

/// The order, if it is the caller's own: an admin cannot pay for a customer.
pub(crate) fn own(cx: &Ctx, row: Option<order::Model>) -> Result<order::Model, OrderError> {
    let user = cx.user()?;
    visible(cx, row).and_then(|row| if row.user_id == user.0 { Ok(row) } else { Err(OrderError::NotFound) })
}

/// The text of a timeline entry: its title, with the note of a person.
pub(crate) fn with_note(title: &str, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{title}: {note}"),
        None => title.to_owned(),
    }
}

/// The lines whose price differs from the price that the cart last showed. Both lists are sorted by product and variant.
pub(crate) fn price_changes(seen: &[SnapshotLine], hold: &Hold) -> Vec<PriceChange> {
    let pairs = std::iter::zip(seen, &hold.lines);
    let changed = pairs.filter(|(seen, held)| seen.unit_price != held.unit_price || seen.currency != hold.currency);
    let change = |(seen, held): (&SnapshotLine, &HeldLine)| PriceChange {
        product_id: held.product_id,
        variant_id: held.variant_id,
        seen: seen.unit_price,
        now: held.unit_price,
    };
    changed.map(change).collect()
}

/// The sum of the lines.
pub(crate) fn total(lines: &[HeldLine], currency: Currency) -> Result<Money, OrderError> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| {
        let line = money(line.unit_price, currency)?.times(line.quantity);
        line.and_then(|line| sum.plus(line)).ok_or(OrderError::TooDear)
    })
}

/// Converts an amount of another module to minor units.
pub(crate) fn money(amount: Amount, currency: Currency) -> Result<Money, OrderError> {
    amount.in_currency(currency).ok_or_else(|| Fault::internal(format_args!("{amount} is no amount of {currency}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{OrderId, now};
    use product::ProductId;

    fn held(price: &str, quantity: u32) -> HeldLine {
        HeldLine {
            product_id: ProductId(1),
            variant_id: None,
            sku: None,
            name: "Lamp".into(),
            unit_price: price.parse().expect(price),
            quantity,
        }
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
            variant_id: None,
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
