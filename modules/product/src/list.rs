//! `list`: filters, sorts and pages products.

use crate::{
    ListProducts, ProductId, ProductPage,
    context::{Products, Result},
    rules,
    store::{self, variants},
    view::to_product,
};
use kernel::{AmountText, Page};
use std::collections::HashMap;

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
        let with_variants = query.variants == Some(true);
        let mut sold: HashMap<i64, Vec<_>> = HashMap::new();
        if with_variants {
            for one in variants::of_products(db, rows.iter().map(|row| ProductId(row.id))).await? {
                sold.entry(one.variant.product_id).or_default().push(one);
            }
        }
        let products = rows.into_iter().map(|row| {
            let sold = with_variants.then(|| sold.remove(&row.id).unwrap_or_default());
            to_product(row, sold)
        });
        let products = products.collect::<Result<_>>()?;
        Ok(ProductPage { products, pagination: page.of_total(total) })
    }
}
