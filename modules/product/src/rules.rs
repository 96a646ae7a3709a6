//! Decisions that need no store.

use crate::{CategoryId, HoldLine, ProductError};
use kernel::{Amount, Currency, Fault, Money};
use std::collections::{HashMap, HashSet};

/// The price of a product of this shop in minor units.
pub(crate) fn price(price: Amount, given: Option<Currency>, shop: Currency) -> Result<Money, ProductError> {
    if given.is_some_and(|given| given != shop) {
        return Err(Fault::invalid("/currency", format!("must be {shop}, the currency of this shop")).into());
    }
    let detail = || format!("must have at most {} decimals, as {shop} has", shop.decimals());
    price.in_currency(shop).ok_or_else(|| Fault::invalid("/price", detail()).into())
}

/// The lines of a hold, sorted by product: every transaction locks products in the same order.
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
    fn a_subtree_holds_what_is_below_it_and_ends_at_a_cycle() {
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
