//! Creates and changes products.

use crate::{
    NewProduct, Product, ProductChange, ProductError, ProductId,
    context::{Products, Result},
    entity::product,
    ops, rules,
    sort_key::sort_key,
    store,
    view::{new_row, to_product},
};
use kernel::{
    Ctx,
    idempotency::{self, Begun},
    now,
};
use sea_orm::Set;

impl Products {
    pub(crate) async fn insert_product(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        let price = rules::price(new.price, new.currency, self.currency)?;
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.category_id, "/category_id").await?;
        let product = to_product(store::insert(&*tx, new_row(new, price)).await?)?;
        held.finish(&tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    pub(crate) async fn replace_product(&self, id: ProductId, change: ProductChange) -> Result<Product> {
        let price = rules::price(change.price, None, self.currency)?;
        let tx = self.db.begin().await?;
        self.must_exist(&tx, change.category_id, "/category_id").await?;
        let row = product::ActiveModel {
            name_lower: Set(change.name.to_lowercase()),
            name_key: Set(Some(sort_key(&change.name))),
            name: Set(change.name.into()),
            description: Set(change.description.map(String::from).unwrap_or_default()),
            price_minor: Set(price.minor),
            category_id: Set(change.category_id.map(|id| id.0)),
            updated_at: Set(now()),
            ..Default::default()
        };
        let product = store::update(&*tx, id, row).await?.ok_or(ProductError::NotFound).and_then(to_product)?;
        tx.commit().await?;
        Ok(product)
    }
}
