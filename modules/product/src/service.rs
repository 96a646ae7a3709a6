//! The implementation of [`ProductApi`].

use crate::{
    Category, CategoryId, CategoryPatch, Hold, HoldRequest, ListProducts, NewCategory, NewProduct, Product, ProductApi,
    ProductChange, ProductError, ProductId, ProductPage, ProductPatch, SetStock,
    context::{Products, Result},
    store,
    view::{to_category, to_product},
};
use kernel::{Ctx, IfMatch, OrderId};

impl ProductApi for Products {
    async fn list(&self, _: &Ctx, query: ListProducts) -> Result<ProductPage> {
        self.find(query).await
    }

    async fn get(&self, _: &Ctx, id: ProductId) -> Result<Product> {
        store::product(self.db.read(), id).await?.ok_or(ProductError::NotFound).and_then(to_product)
    }

    async fn create(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        self.insert_product(cx, new).await
    }

    async fn change(&self, _: &Ctx, id: ProductId, if_match: IfMatch, change: ProductChange) -> Result<Product> {
        self.edit_product(id, &if_match, change.into()).await
    }

    async fn patch(&self, _: &Ctx, id: ProductId, if_match: IfMatch, patch: ProductPatch) -> Result<Product> {
        self.edit_product(id, &if_match, patch).await
    }

    async fn delete(&self, _: &Ctx, id: ProductId, if_match: IfMatch) -> Result<()> {
        self.remove_product(id, &if_match).await
    }

    async fn set_stock(&self, _: &Ctx, id: ProductId, stock: SetStock) -> Result<Product> {
        store::set_stock(self.db.write(), id, stock.quantity).await?.ok_or(ProductError::NotFound).and_then(to_product)
    }

    async fn categories(&self, _: &Ctx) -> Result<Vec<Category>> {
        Ok(store::categories(self.db.read()).await?.into_iter().map(to_category).collect())
    }

    async fn category(&self, _: &Ctx, id: CategoryId) -> Result<Category> {
        store::category(self.db.read(), id).await?.map(to_category).ok_or(ProductError::CategoryNotFound)
    }

    async fn create_category(&self, cx: &Ctx, new: NewCategory) -> Result<Category> {
        self.insert_category(cx, new).await
    }

    async fn change_category(&self, _: &Ctx, id: CategoryId, if_match: IfMatch, change: NewCategory) -> Result<Category> {
        self.edit_category(id, &if_match, change.into()).await
    }

    async fn patch_category(&self, _: &Ctx, id: CategoryId, if_match: IfMatch, patch: CategoryPatch) -> Result<Category> {
        self.edit_category(id, &if_match, patch).await
    }

    async fn delete_category(&self, _: &Ctx, id: CategoryId, if_match: IfMatch) -> Result<()> {
        self.remove_category(id, &if_match).await
    }

    async fn hold(&self, _: &Ctx, order: OrderId, request: HoldRequest) -> Result<Hold> {
        self.place_hold(order, request).await
    }

    async fn commit(&self, _: &Ctx, order: OrderId) -> Result<()> {
        self.commit_hold(order).await
    }

    async fn release(&self, _: &Ctx, order: OrderId) -> Result<()> {
        self.release_hold(order).await
    }
}
