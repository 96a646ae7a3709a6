//! Finds products by their slugs, and makes slugs from names: of new products, and of those of a release that had none.

use crate::{
    Product, ProductError, ProductId, Slug,
    context::{Products, Result},
    rules,
    store::{slugs, variants},
    view::to_product,
};
use kernel::{Ctx, Fault, db::Tx};

impl Products {
    pub(crate) async fn find_by_slug(&self, cx: &Ctx, slug: &Slug) -> Result<Product> {
        let db = self.db.read();
        let product = slugs::product(db, self.sight(cx), slug).await?.ok_or(ProductError::NotFound)?;
        let sold = variants::of_products(db, [ProductId(product.id)]).await?;
        to_product(product, Some(sold))
    }

    /// Gives slugs to a batch of products, and returns their number.
    pub(crate) async fn add_slugs(&self) -> Result<usize, Fault> {
        if slugs::without(self.db.read(), 1).await?.is_empty() {
            return Ok(0);
        }
        let tx = self.db.begin().await?;
        let added = make(&tx, &slugs::without(&*tx, 500).await?).await?;
        tx.commit().await?;
        Ok(added)
    }
}

/// Makes slugs from the names of products that have none. Returns how many got one. The products must be new or locked.
pub(crate) async fn make(tx: &Tx, products: &[(i64, String)]) -> Result<usize, Fault> {
    let mut missing: Vec<(i64, String)> = products.iter().map(|(id, name)| (*id, rules::slug_base(name))).collect();
    // a statement for each number behind a name, for all products together
    for round in 0..rules::SLUG_ROUNDS {
        if missing.is_empty() {
            break;
        }
        let wanted = missing.iter().map(|(id, base)| (*id, rules::numbered_slug(base, *id, round))).collect();
        let got = slugs::take_free(&**tx, wanted).await?;
        missing.retain(|(id, _)| !got.contains(id));
    }
    slugs::show_only(&**tx, products).await?;
    Ok(products.len() - missing.len())
}
