//! The implementation of [`ProductApi`].

use crate::{
    Attribute, AttributeCode, AttributeValues, Attributes, Category, CategoryId, CategoryPatch, ExportFile, FindVariants, Hold,
    HoldRequest, Import, ImportFile, ImportId, ListMovements, ListProducts, MovementPage, NewCategory, NewMovement, NewProduct,
    Product, ProductApi, ProductChange, ProductError, ProductId, ProductPage, ProductPatch, SetAttribute, SetStock, SetVariants,
    Slug, Stock, StockMovement, Variant, VariantId, Variants,
    attributes::Values,
    context::{Products, Result},
    store::{self, variants},
    view::{to_category, to_product},
};
use kernel::{Ctx, Download, IfMatch, OrderId, Upload};

impl ProductApi for Products {
    async fn list(&self, cx: &Ctx, query: ListProducts) -> Result<ProductPage> {
        self.find(cx, query).await
    }

    async fn get(&self, cx: &Ctx, id: ProductId) -> Result<Product> {
        let db = self.db.read();
        let (product, sold) = tokio::try_join!(store::product(db, self.sight(cx), id), variants::of_products(db, [id]))?;
        to_product(product.ok_or(ProductError::NotFound)?, Some(sold))
    }

    async fn by_slug(&self, cx: &Ctx, slug: Slug) -> Result<Product> {
        self.find_by_slug(cx, &slug).await
    }

    async fn create(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        self.insert_product(cx, new).await
    }

    async fn change(&self, _: &Ctx, id: ProductId, if_match: IfMatch, mut change: ProductChange) -> Result<Product> {
        let attributes = change.attributes.take().map(|all| Values::All(all.unwrap_or_default()));
        self.edit_product(id, &if_match, change.into(), attributes).await
    }

    async fn patch(&self, _: &Ctx, id: ProductId, if_match: IfMatch, mut patch: ProductPatch) -> Result<Product> {
        let attributes = patch.attributes.take();
        let attributes = attributes.map(|changes| changes.map_or_else(|| Values::All(AttributeValues::new()), Values::Changed));
        self.edit_product(id, &if_match, patch, attributes).await
    }

    async fn delete(&self, _: &Ctx, id: ProductId, if_match: IfMatch) -> Result<()> {
        self.remove_product(id, &if_match).await
    }

    async fn set_stock(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, stock: SetStock) -> Result<Product> {
        self.set_available(cx, id, &if_match, stock.quantity).await
    }

    async fn set_variants(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, variants: SetVariants) -> Result<Product> {
        self.replace_variants(Some(cx.user()?), id, &if_match, variants).await
    }

    async fn variants(&self, _: &Ctx, query: FindVariants) -> Result<Variants> {
        self.find_variants(query).await
    }

    async fn variant(&self, cx: &Ctx, id: VariantId) -> Result<Variant> {
        self.find_variant(cx, id).await
    }

    async fn stock(&self, _: &Ctx, id: VariantId) -> Result<Stock> {
        self.stock_of(id).await
    }

    async fn move_stock(&self, cx: &Ctx, id: VariantId, movement: NewMovement) -> Result<StockMovement> {
        self.move_stock_of(cx, id, movement).await
    }

    async fn stock_movements(&self, _: &Ctx, query: ListMovements) -> Result<MovementPage> {
        self.movements(query).await
    }

    async fn categories(&self, _: &Ctx) -> Result<Vec<Category>> {
        store::categories(self.db.read()).await?.into_iter().map(to_category).collect()
    }

    async fn category(&self, _: &Ctx, id: CategoryId) -> Result<Category> {
        store::category(self.db.read(), id).await?.ok_or(ProductError::CategoryNotFound).and_then(to_category)
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

    async fn attributes(&self, _: &Ctx) -> Result<Attributes> {
        self.all_attributes().await
    }

    async fn attribute(&self, _: &Ctx, code: AttributeCode) -> Result<Attribute> {
        self.one_attribute(&code).await
    }

    async fn set_attribute(&self, _: &Ctx, code: AttributeCode, if_match: IfMatch, attribute: SetAttribute) -> Result<Attribute> {
        self.put_attribute(code, &if_match, attribute).await
    }

    async fn delete_attribute(&self, _: &Ctx, code: AttributeCode, if_match: IfMatch) -> Result<()> {
        self.remove_attribute(&code, &if_match).await
    }

    async fn import_products(&self, cx: &Ctx, query: ImportFile, file: Upload) -> Result<Import> {
        self.receive_import(cx, query, file).await
    }

    async fn import_of_products(&self, _: &Ctx, id: ImportId) -> Result<Import> {
        self.find_import(id).await
    }

    async fn export_products(&self, _: &Ctx, query: ExportFile) -> Result<Download> {
        Ok(self.begin_export(query.status).await?.into_download())
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
