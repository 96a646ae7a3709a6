//! `list`: filters, sorts and pages products.

use crate::{
    ListProducts, ProductPage,
    context::{Products, Result},
    ops, rules, store,
    view::to_product,
};
use kernel::{AmountText, Page};

impl Products {
    pub(crate) async fn find(&self, mut query: ListProducts) -> Result<ProductPage> {
        let db = self.db.read();
        let all = query.ids.as_ref().map_or(10, |ids| ids.as_slice().len().max(1) as u32);
        let (number, cursor, per_page) = (query.page.take(), query.cursor.take(), query.per_page.take());
        let page = Page::of_list(&(ops::LIST.id, &query), number, cursor, per_page, all)?;
        let categories = match query.category_id {
            Some(root) => Some(rules::below(root, &store::parents(db).await?).into_iter().collect()),
            None => None,
        };
        let minor = |pointer: &str, amount: Option<AmountText>| {
            amount.map(|amount| rules::money(pointer, amount.0, self.currency).map(|money| money.minor)).transpose()
        };
        let (min, max) = (minor("/min_price", query.min_price)?, minor("/max_price", query.max_price)?);
        let filter = store::filter(&query, categories, min, max);
        let found = store::page(db, &filter, &page);
        let (found, total) = match page.total() {
            Some(total) => (found.await?, total),
            // there cannot be more rows than requested ids
            None if page.number() == 1 && query.ids.is_some() && page.per_page() >= all => {
                let found = found.await?;
                let total = found.rows.len() as u64;
                (found, total)
            }
            None => tokio::try_join!(found, store::count(db, &filter))?,
        };
        let products = found.rows.into_iter().map(to_product).collect::<Result<_>>()?;
        Ok(ProductPage { products, pagination: page.ending(total, found.end) })
    }
}
