//! Creates and changes products.

use crate::{
    NewProduct, Product, ProductError, ProductId, ProductPatch,
    context::{Products, Result},
    ops, rules, store,
    view::to_product,
};
use kernel::{
    Ctx, IfMatch, Tagged,
    db::Tx,
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

    pub(crate) async fn edit_product(&self, id: ProductId, if_match: &IfMatch, patch: ProductPatch) -> Result<Product> {
        let price = patch.price.map(|price| rules::price(price, None, self.currency)).transpose()?;
        let tx = self.db.begin().await?;
        self.must_exist(&tx, patch.category_id.flatten(), "/category_id").await?;
        let Some(row) = store::edit(&*tx, id, if_match, patch, price).await? else { return Err(refusal(&tx, id).await?) };
        tx.commit().await?;
        to_product(row)
    }

    pub(crate) async fn remove_product(&self, id: ProductId, if_match: &IfMatch) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::delete(&*tx, id, if_match).await?.is_none() {
            return Err(refusal(&tx, id).await?);
        }
        Ok(tx.commit().await?)
    }
}

/// Why a product was not changed: there is none, or it is not as the caller saw it.
async fn refusal(tx: &Tx, id: ProductId) -> Result<ProductError> {
    let now = store::product(&**tx, id).await?.map(to_product).transpose()?;
    Ok(now.map_or(ProductError::NotFound, |now| IfMatch::failed(now.etag()).into()))
}
