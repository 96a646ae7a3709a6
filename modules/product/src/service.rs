//! The implementation of [`ProductApi`].

use crate::{
    Attribute, AttributeCode, AttributeValues, Attributes, Category, CategoryId, CategoryPatch, CategoryTexts,
    CategoryTranslations, ExportFile, FindVariants, Hold, HoldRequest, Import, ImportFile, ImportId, ListMedia, ListMovements,
    ListProducts, ListStock, Media, MediaId, MediaPage, MediaSize, MovementPage, NewCategory, NewMovement, NewProduct, Product,
    ProductApi, ProductChange, ProductError, ProductId, ProductPage, ProductPatch, ProductTexts, ProductTranslations,
    SetAttribute, SetPictures, SetStock, SetVariants, Slug, Stock, StockMovement, StockPage, StockPatch, Variant, VariantId,
    VariantPatch, Variants,
    attributes::Values,
    context::{Products, Result},
    store::{self, variants},
};
use kernel::{Ctx, Download, IfMatch, Language, OrderId, Upload};

impl ProductApi for Products {
    async fn list(&self, cx: &Ctx, query: ListProducts) -> Result<ProductPage> {
        self.find(cx, query).await
    }

    async fn get(&self, cx: &Ctx, id: ProductId) -> Result<Product> {
        let db = self.db.read();
        let (product, sold) = tokio::try_join!(store::product(db, self.sight(cx), id), variants::of_products(db, [id]))?;
        self.shown_product(cx, product.ok_or(ProductError::NotFound)?, sold).await
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

    async fn delete(&self, cx: &Ctx, id: ProductId, if_match: IfMatch) -> Result<()> {
        self.remove_product(cx, id, &if_match).await
    }

    async fn set_stock(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, stock: SetStock) -> Result<Product> {
        self.set_available(cx, id, &if_match, stock.quantity).await
    }

    async fn set_variants(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, variants: SetVariants) -> Result<Product> {
        self.replace_variants(cx, id, &if_match, variants).await
    }

    async fn set_pictures(&self, _: &Ctx, id: ProductId, if_match: IfMatch, pictures: SetPictures) -> Result<Product> {
        self.replace_pictures(id, &if_match, pictures).await
    }

    async fn upload_media(&self, _: &Ctx, body: Upload) -> Result<Media> {
        self.take_in(body).await
    }

    async fn media(&self, _: &Ctx, id: MediaId, size: MediaSize) -> Result<Download> {
        self.picture(&id, size).await
    }

    async fn list_media(&self, _: &Ctx, query: ListMedia) -> Result<MediaPage> {
        self.all_media(query).await
    }

    async fn delete_media(&self, _: &Ctx, id: MediaId) -> Result<()> {
        self.remove_media(&id).await
    }

    async fn variants(&self, cx: &Ctx, query: FindVariants) -> Result<Variants> {
        self.find_variants(cx, query).await
    }

    async fn variant(&self, cx: &Ctx, id: VariantId) -> Result<Variant> {
        self.find_variant(cx, id).await
    }

    async fn patch_variant(&self, _: &Ctx, id: VariantId, if_match: IfMatch, patch: VariantPatch) -> Result<Variant> {
        self.edit_variant(id, &if_match, patch).await
    }

    async fn stock(&self, _: &Ctx, id: VariantId) -> Result<Stock> {
        self.stock_of(id).await
    }

    async fn list_stock(&self, _: &Ctx, query: ListStock) -> Result<StockPage> {
        self.all_stock(query).await
    }

    async fn patch_stock(&self, _: &Ctx, id: VariantId, if_match: IfMatch, patch: StockPatch) -> Result<Stock> {
        self.edit_stock(id, &if_match, patch).await
    }

    async fn move_stock(&self, cx: &Ctx, id: VariantId, movement: NewMovement) -> Result<StockMovement> {
        self.move_stock_of(cx, id, movement).await
    }

    async fn stock_movements(&self, _: &Ctx, query: ListMovements) -> Result<MovementPage> {
        self.movements(query).await
    }

    async fn categories(&self, cx: &Ctx) -> Result<Vec<Category>> {
        self.shown_categories(cx, store::categories(self.db.read()).await?).await
    }

    async fn category(&self, cx: &Ctx, id: CategoryId) -> Result<Category> {
        let category = store::category(self.db.read(), id).await?;
        self.shown_categories(cx, category.into_iter().collect()).await?.pop().ok_or(ProductError::CategoryNotFound)
    }

    async fn category_by_slug(&self, cx: &Ctx, slug: Slug) -> Result<Category> {
        self.find_category_by_slug(cx, &slug).await
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

    async fn attributes(&self, cx: &Ctx) -> Result<Attributes> {
        self.all_attributes(cx).await
    }

    async fn attribute(&self, cx: &Ctx, code: AttributeCode) -> Result<Attribute> {
        self.one_attribute(cx, &code).await
    }

    async fn set_attribute(&self, _: &Ctx, code: AttributeCode, if_match: IfMatch, attribute: SetAttribute) -> Result<Attribute> {
        self.put_attribute(code, &if_match, attribute).await
    }

    async fn delete_attribute(&self, _: &Ctx, code: AttributeCode, if_match: IfMatch) -> Result<()> {
        self.remove_attribute(&code, &if_match).await
    }

    async fn product_translations(&self, _: &Ctx, id: ProductId) -> Result<ProductTranslations> {
        self.translations_of_product(id).await
    }

    async fn translate_product(
        &self,
        _: &Ctx,
        id: ProductId,
        language: Language,
        if_match: IfMatch,
        texts: ProductTexts,
    ) -> Result<ProductTranslations> {
        self.set_product_texts(id, &language, &if_match, Some(texts)).await
    }

    async fn delete_product_translation(&self, _: &Ctx, id: ProductId, language: Language, if_match: IfMatch) -> Result<()> {
        self.set_product_texts(id, &language, &if_match, None).await.map(drop)
    }

    async fn category_translations(&self, _: &Ctx, id: CategoryId) -> Result<CategoryTranslations> {
        self.translations_of_category(id).await
    }

    async fn translate_category(
        &self,
        _: &Ctx,
        id: CategoryId,
        language: Language,
        if_match: IfMatch,
        texts: CategoryTexts,
    ) -> Result<CategoryTranslations> {
        self.set_category_texts(id, &language, &if_match, Some(texts)).await
    }

    async fn delete_category_translation(&self, _: &Ctx, id: CategoryId, language: Language, if_match: IfMatch) -> Result<()> {
        self.set_category_texts(id, &language, &if_match, None).await.map(drop)
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

    async fn hold(&self, cx: &Ctx, order: OrderId, request: HoldRequest) -> Result<Hold> {
        self.place_hold(cx, order, request).await
    }

    async fn commit(&self, _: &Ctx, order: OrderId) -> Result<()> {
        self.commit_hold(order).await
    }

    async fn release(&self, _: &Ctx, order: OrderId) -> Result<()> {
        self.release_hold(order).await
    }
}
