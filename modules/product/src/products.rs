//! Creates and changes products.

use crate::{
    NewProduct, Product, ProductChange, ProductError, ProductId,
    context::{Products, Result},
    ops, rules,
    store::{self, stock, variants},
};
use kernel::{
    Ctx, Fault,
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
        let id = store::insert(&*tx, new, price).await?.id;
        variants::insert_first(&*tx, &[id]).await?;
        stock::insert_first_items(&*tx, &[id], Some(cx.user()?)).await?;
        let product = self.after(&tx, ProductId(id)).await?;
        held.finish(&tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    pub(crate) async fn replace_product(&self, id: ProductId, change: ProductChange) -> Result<Product> {
        let price = change.price.map(|price| rules::price(price, None, self.currency)).transpose()?;
        let tx = self.db.begin().await?;
        let before = variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        self.must_exist(&tx, change.category_id, "/category_id").await?;
        let has_options = variants::living(&*tx, id).await?.iter().any(|variant| !variant.options.is_empty());
        match price {
            Some(price) if !has_options => variants::set_price(&*tx, id, price.minor).await?,
            Some(price) if price.minor != before.price_minor => {
                return Err(Fault::invalid("/price", "must be changed at the variants, because the product has options").into());
            }
            None if !has_options => return Err(Fault::invalid("/price", "Missing required field: price").into()),
            Some(_) | None => {}
        }
        store::replace(&*tx, id, change).await?.ok_or(ProductError::NotFound)?;
        variants::set_lowest_price(&*tx, id).await?;
        let product = self.after(&tx, id).await?;
        tx.commit().await?;
        Ok(product)
    }

    pub(crate) async fn remove_product(&self, id: ProductId) -> Result<()> {
        let tx = self.db.begin().await?;
        store::delete(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        variants::delete_all(&*tx, id).await?;
        Ok(tx.commit().await?)
    }
}
