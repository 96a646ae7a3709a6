//! `list`: filters, sorts and pages products.

use crate::{
    ListProducts, ProductPage,
    context::{Products, Result},
    rules, store,
    view::to_product,
};
use kernel::{AmountText, Page};

impl Products {
    pub(crate) async fn find(&self, query: ListProducts) -> Result<ProductPage> {
        let db = self.db.read();
        let all = query.ids.as_ref().map_or(10, |ids| ids.as_slice().len().max(1) as u32);
        let page = Page::of(query.page, query.per_page, all);
        let categories = match query.category_id {
            Some(root) => Some(rules::below(root, &store::parents(db).await?).into_iter().collect()),
            None => None,
        };
        let minor = |pointer: &str, amount: Option<AmountText>| {
            amount.map(|amount| rules::money(pointer, amount.0, self.currency).map(|money| money.minor)).transpose()
        };
        let (min, max) = (minor("/min_price", query.min_price)?, minor("/max_price", query.max_price)?);
        let filter = store::filter(&query, categories, min, max);
        let rows = store::page(db, &filter, page);
        let (rows, total) = if page.number() == 1 && query.ids.is_some() && page.per_page() >= all {
            // there cannot be more rows than requested ids
            let rows = rows.await?;
            let total = rows.len() as u64;
            (rows, total)
        } else {
            tokio::try_join!(rows, store::count(db, &filter))?
        };
        let products = rows.into_iter().map(to_product).collect::<Result<_>>()?;
        Ok(ProductPage { products, pagination: page.of_total(total) })
    }
}
