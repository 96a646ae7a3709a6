//! Finds products and categories by their slugs, and makes slugs from names: of new ones, and of those of a release that had none.

use crate::{
    Category, Product, ProductError, ProductId, Slug,
    context::{Products, Result},
    rules,
    store::{
        self,
        slugs::{self, Kind},
        variants,
    },
};
use kernel::{Ctx, Fault, db::Tx};

impl Products {
    pub(crate) async fn find_by_slug(&self, cx: &Ctx, slug: &Slug) -> Result<Product> {
        let db = self.db.read();
        let product = store::product_by_slug(db, self.sight(cx), slug).await?.ok_or(ProductError::NotFound)?;
        let sold = variants::of_products(db, [ProductId(product.id)]).await?;
        self.shown_product(cx, product, sold).await
    }

    pub(crate) async fn find_category_by_slug(&self, cx: &Ctx, slug: &Slug) -> Result<Category> {
        let category = store::category_by_slug(self.db.read(), slug).await?;
        self.shown_categories(cx, category.into_iter().collect()).await?.pop().ok_or(ProductError::CategoryNotFound)
    }

    /// Gives slugs to a batch of products or categories, and returns their number.
    pub(crate) async fn add_slugs(&self, kind: &'static Kind) -> Result<usize, Fault> {
        if slugs::without(self.db.read(), kind, 1).await?.is_empty() {
            return Ok(0);
        }
        let tx = self.db.begin().await?;
        let added = make(&tx, kind, &slugs::without(&*tx, kind, 500).await?).await?;
        tx.commit().await?;
        Ok(added)
    }
}

/// Makes slugs from the names of what has none. Returns how many got one. They must be new or locked.
pub(crate) async fn make(tx: &Tx, kind: &Kind, named: &[(i64, String)]) -> Result<usize, Fault> {
    let base = |(id, name): &(i64, String)| (*id, rules::slug_base(name, kind.nameless));
    let mut missing: Vec<(i64, String)> = named.iter().map(base).collect();
    // a statement for each number behind a name, for all together
    for round in 0..rules::SLUG_ROUNDS {
        if missing.is_empty() {
            break;
        }
        let wanted = missing.iter().map(|(id, base)| (*id, rules::numbered_slug(base, *id, round))).collect();
        let got = slugs::take_free(&**tx, kind, wanted).await?;
        missing.retain(|(id, _)| !got.contains(id));
    }
    slugs::show_only(&**tx, kind, named.iter().map(|(id, _)| *id)).await?;
    Ok(named.len() - missing.len())
}
