//! Finds products by their slugs, and gives slugs to those of a release that had none.

use crate::{
    Product, ProductError, ProductId, Slug,
    context::{Products, Result},
    store::{slugs, tags, variants},
    view::to_product,
};
use kernel::{Ctx, Fault};

impl Products {
    pub(crate) async fn find_by_slug(&self, cx: &Ctx, slug: &Slug) -> Result<Product> {
        let db = self.db.read();
        let product = slugs::product(db, self.sight(cx), slug).await?.ok_or(ProductError::NotFound)?;
        let id = ProductId(product.id);
        let (tags, sold) = tokio::try_join!(tags::of_product(db, id), variants::of_products(db, [id]))?;
        to_product(product, tags, Some(sold))
    }

    /// Gives slugs to a batch of products, and returns their number.
    pub(crate) async fn add_slugs(&self) -> Result<usize, Fault> {
        if slugs::without(self.db.read(), 1).await?.is_empty() {
            return Ok(0);
        }
        let tx = self.db.begin().await?;
        let added = slugs::make(&*tx, &slugs::without(&*tx, 500).await?).await?;
        tx.commit().await?;
        Ok(added)
    }
}
