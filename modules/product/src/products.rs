//! Creates and changes products.

use crate::{
    NewProduct, Product, ProductChange, ProductError, ProductId,
    context::{Products, Result},
    ops, rules, store,
    view::to_product,
};
use kernel::{
    Ctx,
    idempotency::{self, Begun},
};

impl Products {
    pub(crate) async fn insert_product(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        let price = rules::price(new.price, new.currency, self.currency)?;
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.category_id, "/category_id").await?;
        let product = to_product(store::insert(&*tx, new, price).await?)?;
        held.finish(&tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    pub(crate) async fn replace_product(&self, id: ProductId, change: ProductChange) -> Result<Product> {
        let price = rules::price(change.price, None, self.currency)?;
        let tx = self.db.begin().await?;
        self.must_exist(&tx, change.category_id, "/category_id").await?;
        let product = store::replace(&*tx, id, change, price).await?.ok_or(ProductError::NotFound).and_then(to_product)?;
        tx.commit().await?;
        Ok(product)
    }
}
