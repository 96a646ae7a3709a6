//! Rules of the catalogue. Pure functions.

use crate::{CategoryId, HoldLine, MAX_PRICE_MINOR, ProductError};
use kernel::{Amount, Currency, Fault, Money};
use std::collections::{HashMap, HashSet};

/// Validates the price of a product: the shop's currency, and 0 to the highest price.
pub(crate) fn price(price: Amount, given: Option<Currency>, shop: Currency) -> Result<Money, ProductError> {
    if given.is_some_and(|given| given != shop) {
        return Err(Fault::invalid("/currency", format!("must be {shop}, the currency of this shop")).into());
    }
    let price = money("/price", price, shop)?;
    let most = Money { minor: MAX_PRICE_MINOR, currency: shop };
    if (0..=most.minor).contains(&price.minor) {
        Ok(price)
    } else {
        Err(Fault::invalid("/price", format!("must be 0 to {most}")).into())
    }
}

/// The amount of the member `pointer` in minor units of the shop's currency.
pub(crate) fn money(pointer: &str, amount: Amount, shop: Currency) -> Result<Money, Fault> {
    let detail = || match shop.decimals() {
        0 => format!("must have no decimals, as {shop} has none"),
        decimals => format!("must have at most {decimals} decimals, as {shop} has"),
    };
    amount.in_currency(shop).ok_or_else(|| Fault::invalid(pointer, detail()))
}

/// The lines of a hold, sorted by product, because every transaction locks products in the same order.
pub(crate) fn lines(mut lines: Vec<HoldLine>) -> Result<Vec<HoldLine>, ProductError> {
    lines.sort_unstable_by_key(|line| line.product_id);
    match lines.windows(2).find(|pair| pair[0].product_id == pair[1].product_id) {
        None => Ok(lines),
        Some(pair) => Err(Fault::invalid("/lines", format!("has product {} twice", pair[0].product_id)).into()),
    }
}

/// `root` and every category below it.
pub(crate) fn below(root: CategoryId, parents: &[(i64, Option<i64>)]) -> HashSet<i64> {
    let mut children: HashMap<i64, Vec<i64>> = HashMap::new();
    for &(id, parent) in parents {
        children.entry(parent.unwrap_or_default()).or_default().push(id);
    }
    let (mut found, mut next) = (HashSet::from([root.0]), vec![root.0]);
    while let Some(id) = next.pop() {
        next.extend(children.get(&id).into_iter().flatten().filter(|child| found.insert(**child)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProductId;

    #[test]
    fn the_highest_price_depends_on_the_currency() {
        let validate = |text: &str, shop| {
            let price = price(text.parse().expect(text), None, shop);
            price.map_or_else(|e| e.to_string(), |price| price.to_string())
        };
        for (given, shop, answer) in [
            ("99999999.99", Currency::Eur, "99999999.99 EUR"),
            ("100000000", Currency::Eur, "price must be 0 to 99999999.99 EUR"),
            ("29.999", Currency::Eur, "price must have at most 2 decimals, as EUR has"),
            ("165000000", Currency::Vnd, "165000000 VND"),
            ("9999999999", Currency::Vnd, "9999999999 VND"),
            ("10000000000", Currency::Vnd, "price must be 0 to 9999999999 VND"),
            ("0.5", Currency::Vnd, "price must have no decimals, as VND has none"),
            ("9999999.999", Currency::Kwd, "9999999.999 KWD"),
            ("10000000", Currency::Kwd, "price must be 0 to 9999999.999 KWD"),
            ("-1", Currency::Kwd, "price must be 0 to 9999999.999 KWD"),
        ] {
            assert_eq!(validate(given, shop), answer);
        }
    }

    #[test]
    fn a_subtree_has_all_descendants_and_ends_at_a_cycle() {
        let tree = [(1, None), (2, Some(1)), (3, Some(2)), (4, None), (5, Some(6)), (6, Some(5))];
        assert_eq!(below(CategoryId(1), &tree), HashSet::from([1, 2, 3]));
        assert_eq!(below(CategoryId(4), &tree), HashSet::from([4]));
        assert_eq!(below(CategoryId(5), &tree), HashSet::from([5, 6]));
    }

    #[test]
    fn lines_are_sorted_and_distinct() {
        let line = |id, quantity| HoldLine { product_id: ProductId(id), quantity };
        assert_eq!(lines(vec![line(2, 1), line(1, 3)]), Ok(vec![line(1, 3), line(2, 1)]));
        assert!(lines(vec![line(1, 1), line(2, 1), line(1, 3)]).is_err());
    }
}
