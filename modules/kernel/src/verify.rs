//! Facts that stores must hold, and the search for what contradicts them (`souk verify`).
//!
//! A module checks its own store by queries for what must not be there ([`Check`]). Facts that two modules share without reading each
//! other's stores are in [`Book`]s: both say what they know of each order, and [`compare`] finds where they disagree.

use crate::{BoxError, BoxFuture, OrderId};
use std::{collections::BTreeMap, sync::Arc};

/// How many contradictions of one rule are named; the others are counted.
pub const NAMED: usize = 100;

/// Entries of one page of a book.
const PAGE: u64 = 1_000;

/// A rule of a store, as a query for what contradicts it.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name, such as `order.total`.
    pub name: &'static str,
    /// What is true of a sound store.
    pub rule: &'static str,
    /// A `SELECT` that both kinds of SQL databases understand, of one text named `found`: a row for each contradiction.
    pub query: &'static str,
}

/// The contradictions of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The name of the rule.
    pub name: String,
    /// What is true of a sound store.
    pub rule: String,
    /// How many there are.
    pub count: u64,
    /// The first [`NAMED`] of them.
    pub named: Vec<String>,
}

/// What two modules know of the same orders.
#[derive(Clone)]
pub struct Book {
    /// Modules that keep a book of the same name must agree.
    pub name: &'static str,
    read: Arc<dyn Fn(Span) -> BoxFuture<Result<Vec<Entry>, BoxError>> + Send + Sync>,
}

/// A part of a book: the orders above `after`, up to `until`, at most `limit` of them, by ascending ids.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The first order is above this one.
    pub after: i64,
    /// The last order possible.
    pub until: i64,
    /// The most entries.
    pub limit: u64,
}

/// What a module knows of an order. An order of which there is nothing to know has no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The order.
    pub order: OrderId,
    /// In words that are the same in both modules; none while a change is under way, which agrees with everything.
    pub state: Option<String>,
}

impl Book {
    /// A book that this function reads from the store. It must depend on the store alone, not on an earlier answer.
    pub fn new<S, F>(name: &'static str, store: &S, read: impl Fn(S, Span) -> F + Send + Sync + 'static) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Vec<Entry>, BoxError>> + Send + 'static,
    {
        let store = store.clone();
        Self { name, read: Arc::new(move |span| Box::pin(read(store.clone(), span))) }
    }
}

/// An order of which two books say different things: what each says, if anything.
#[derive(PartialEq, Eq)]
struct Difference {
    order: i64,
    says: [Option<String>; 2],
}

/// The orders of which these books of two modules, each with its name, disagree; `None` when there are none.
///
/// The books are read one after the other, page by page, while the shop goes on. An order that changes in between looks like a
/// disagreement. So disputed orders are looked up again, and count if both books say the same as before. Since no order returns to a
/// state that it has left, the two then disagreed at the moment between the two looks.
///
/// # Errors
/// When a store cannot be read.
pub async fn compare(books: [(&str, &Book); 2]) -> Result<Option<Finding>, BoxError> {
    let [(left, a), (right, b)] = books;
    let (mut named, mut count, mut after) = (Vec::new(), 0, i64::MIN);
    loop {
        let span = Span { after, until: i64::MAX, limit: PAGE };
        let pages = [(a.read)(span).await?, (b.read)(span).await?];
        let Some(highest) = pages.iter().filter_map(|page| page.last()).map(|entry| entry.order.0).max() else { break };
        // a full page says nothing of the orders behind it
        let full = pages.iter().filter(|page| page.len() as u64 >= PAGE).filter_map(|page| page.last());
        let until = full.map(|entry| entry.order.0).min().unwrap_or(highest);
        let disputed = differences(pages, until);
        if !disputed.is_empty() {
            let span = Span { after, until, limit: i64::MAX.unsigned_abs() };
            let again = differences([(a.read)(span).await?, (b.read)(span).await?], until);
            for Difference { order, says } in disputed.into_iter().filter(|one| again.contains(one)) {
                count += 1;
                if named.len() < NAMED {
                    let [of_left, of_right] = says.map(|said| said.unwrap_or_else(|| "nothing".into()));
                    named.push(format!("order {order}: {left} has {of_left}, {right} has {of_right}"));
                }
            }
        }
        after = until;
    }
    let rule = format!("{left} and {right} agree about each order");
    Ok((count > 0).then(|| Finding { name: format!("{left}.{right}.{}", a.name), rule, count, named }))
}

/// The differences between two pages, up to an order.
fn differences(pages: [Vec<Entry>; 2], until: i64) -> Vec<Difference> {
    let mut known: BTreeMap<i64, [Option<Entry>; 2]> = BTreeMap::new();
    for (side, page) in pages.into_iter().enumerate() {
        for entry in page.into_iter().filter(|entry| entry.order.0 <= until) {
            let order = entry.order.0;
            known.entry(order).or_default()[side] = Some(entry);
        }
    }
    let settled = known.into_iter().filter(|(_, sides)| sides.iter().flatten().all(|entry| entry.state.is_some()));
    let says = settled.map(|(order, sides)| Difference { order, says: sides.map(|entry| entry.and_then(|entry| entry.state)) });
    says.filter(|one| one.says[0] != one.says[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A book of these orders; every reading is noted, and may change it.
    fn book(entries: Arc<Mutex<BTreeMap<i64, Option<&'static str>>>>, then: impl Fn() + Send + Sync + 'static) -> Book {
        Book::new("charges", &(entries, Arc::new(then)), |(entries, then), span: Span| async move {
            let all = entries.lock().map_err(|e| e.to_string())?.clone();
            let some = all.into_iter().filter(|(order, _)| (span.after..=span.until).contains(order) && *order != span.after);
            let page = some.take(usize::try_from(span.limit).unwrap_or(usize::MAX));
            let entries = page.map(|(order, state)| Entry { order: OrderId(order), state: state.map(String::from) }).collect();
            then();
            Ok(entries)
        })
    }

    fn of(orders: impl IntoIterator<Item = (i64, Option<&'static str>)>) -> Arc<Mutex<BTreeMap<i64, Option<&'static str>>>> {
        Arc::new(Mutex::new(orders.into_iter().collect()))
    }

    async fn compared(a: &Book, b: &Book) -> Vec<String> {
        compare([("order", a), ("payment", b)]).await.expect("compared").map_or(Vec::new(), |found| found.named)
    }

    #[tokio::test]
    async fn every_disagreement_is_found_on_whatever_page_it_is() {
        let all = || (1..=3_500).map(|order| (order, Some("paid")));
        let (a, b) = (of(all()), of(all()));
        for (order, state) in [(1, None), (1_000, Some("refunded")), (1_001, Some("refunded")), (3_500, Some("refunded"))] {
            b.lock().expect("no panic").insert(order, state);
        }
        a.lock().expect("no panic").remove(&2_000);
        b.lock().expect("no panic").remove(&2_500);
        b.lock().expect("no panic").insert(9_000, Some("paid"));
        let found = compared(&book(a, || ()), &book(b, || ())).await;
        let expected = [
            "order 1000: order has paid, payment has refunded",
            "order 1001: order has paid, payment has refunded",
            "order 2000: order has nothing, payment has paid",
            "order 2500: order has paid, payment has nothing",
            "order 3500: order has paid, payment has refunded",
            "order 9000: order has nothing, payment has paid",
        ];
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn an_order_that_changes_between_two_readings_is_no_disagreement() {
        let (a, b) = (of([(1, Some("paid")), (2, Some("paid"))]), of([(1, Some("paid")), (3, Some("paid"))]));
        // the order is paid, and then refunded, between the readings of the two books
        let (changed, also) = (a.clone(), b.clone());
        let left = book(a, move || {
            changed.lock().expect("no panic").insert(1, Some("refunded"));
            also.lock().expect("no panic").insert(1, Some("refunded"));
        });
        let found = compared(&left, &book(b, || ())).await;
        let lasting = ["order 2: order has paid, payment has nothing", "order 3: order has nothing, payment has paid"];
        assert_eq!(found, lasting);
    }
}
