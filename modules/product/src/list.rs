//! `list`: filters, sorts, pages and counts products.

use crate::{
    ListProducts, ProductError, ProductId, ProductPage, ProductView, StatusFilter,
    context::{Products, Result},
    entity::{product::Status, translation::Kind},
    ops, rules,
    store::{self, Sight, variants},
    view::to_product,
};
use kernel::{AmountText, Ctx, Page, Role};
use std::collections::HashMap;

/// What a list is restricted to.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) query: ListProducts,
    pub(crate) sight: Sight,
    /// The category that was asked for, and all below it.
    pub(crate) categories: Option<Vec<i64>>,
    /// In minor units.
    pub(crate) lowest: Option<i64>,
    pub(crate) highest: Option<i64>,
}

impl Terms {
    pub(crate) fn filter(&self) -> store::Filter {
        store::filter(&self.query, self.sight, self.categories.clone(), self.lowest, self.highest)
    }
}

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
        // to a cursor `false` is the same as nothing
        query.variants = query.variants.filter(|with| *with);
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
        let (lowest, highest) = (minor("/min_price", query.min_price)?, minor("/max_price", query.max_price)?);
        let terms = Terms { query, sight, categories, lowest, highest };
        let (query, filter) = (&terms.query, terms.filter());
        let found = store::page(db, &filter, query.view == Some(ProductView::Short), &page);
        let total = async {
            match page.total() {
                Some(total) => Ok(Some(total)),
                // there cannot be more rows than requested ids
                None if page.number() == 1 && query.ids.is_some() && page.per_page() >= all => Ok(None),
                None => store::count(db, &filter).await.map(Some),
            }
        };
        let facets = async {
            match &query.facets {
                Some(kinds) => self.facets(cx, kinds, &terms).await.map(Some),
                None => Ok(None),
            }
        };
        let found = async { Ok::<_, ProductError>(tokio::try_join!(found, total)?) };
        let ((found, total), facets) = tokio::try_join!(found, facets)?;
        let total = total.unwrap_or(found.rows.len() as u64);
        let with_variants = query.variants.is_some();
        let mut sold: HashMap<i64, Vec<_>> = HashMap::new();
        if with_variants {
            for one in variants::of_products(db, found.rows.iter().map(|row| ProductId(row.id))).await? {
                sold.entry(one.variant.product_id).or_default().push(one);
            }
        }
        let wanted = self.wanted(cx, found.rows.iter().map(|row| (row.id, &*row.languages)));
        let texts = wanted.read(db, Kind::Product).await?;
        let products = found.rows.into_iter().map(|row| {
            let sold = with_variants.then(|| sold.remove(&row.id).unwrap_or_default());
            let mut product = to_product(row, sold, &texts)?;
            product.pictures.truncate(1);
            Ok(product)
        });
        let products = products.collect::<Result<_>>()?;
        Ok(ProductPage { products, pagination: page.ending(total, found.end), facets })
    }
}
