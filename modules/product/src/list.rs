//! `list`: filters, sorts and pages products.

use crate::{
    ListProducts, ProductError, ProductId, ProductPage, StatusFilter,
    context::{Products, Result},
    entity::product::Status,
    ops, rules,
    store::{self, Sight, variants},
    view::to_product,
};
use kernel::{AmountText, Ctx, Page, Role};
use std::collections::HashMap;

impl Products {
    pub(crate) async fn find(&self, cx: &Ctx, mut query: ListProducts) -> Result<ProductPage> {
        let sight = match query.status {
            None => self.public(),
            Some(_) if !cx.has_role(Role::Admin) => return Err(ProductError::StatusForAdmins),
            Some(StatusFilter::Any) => Sight::All,
            Some(StatusFilter::Draft) => Sight::Of(Status::Draft),
            Some(StatusFilter::Active) => Sight::Of(Status::Active),
            Some(StatusFilter::Archived) => Sight::Of(Status::Archived),
        };
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
        let filter = store::filter(&query, sight, categories, min, max);
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
        let with_variants = query.variants == Some(true);
        let mut sold: HashMap<i64, Vec<_>> = HashMap::new();
        if with_variants {
            for one in variants::of_products(db, found.rows.iter().map(|row| ProductId(row.id))).await? {
                sold.entry(one.variant.product_id).or_default().push(one);
            }
        }
        let products = found.rows.into_iter().map(|row| {
            let sold = with_variants.then(|| sold.remove(&row.id).unwrap_or_default());
            let mut product = to_product(row, sold)?;
            product.pictures.truncate(1);
            Ok(product)
        });
        let products = products.collect::<Result<_>>()?;
        Ok(ProductPage { products, pagination: page.ending(total, found.end) })
    }
}
