use crate::{
    Attribute, AttributeCode, Attributes, Category, CategoryId, CategoryPatch, CategoryTexts, CategoryTranslations, ExportFile,
    FindVariants, Hold, HoldRequest, Import, ImportFile, ImportId, ListMedia, ListMovements, ListProducts, ListStock, Media,
    MediaId, MediaPage, MediaSize, MovementPage, NewCategory, NewMovement, NewProduct, Product, ProductChange, ProductError,
    ProductId, ProductPage, ProductPatch, ProductTexts, ProductTranslations, SetAttribute, SetPictures, SetStock, SetVariants,
    Slug, Stock, StockLow, StockMovement, StockPage, StockPatch, Variant, VariantId, VariantPatch, Variants,
};
use kernel::{Contract, Ctx, Download, EventType, IfMatch, Language, OrderId, Upload};

/// The catalogue: products in a tree of categories, their stock, and the holds that orders have on it.
#[kernel::api(module = "product")]
pub trait ProductApi {
    /// List products.
    ///
    /// Sorted by `sort`, or by the quality of the match with `search`; then by id, in the direction of the last field. Past the last
    /// page the list is empty. Unknown parameters are refused. Products that are not shown now are in no list, but those that admins
    /// ask for by `status`.
    #[get("/products", public = "/api/products", access = anyone, localized, rate = "100/min", errors(StatusForAdmins))]
    async fn list(&self, cx: &Ctx, query: ListProducts) -> Result<ProductPage, ProductError>;

    /// Get one product.
    ///
    /// One that is not shown now exists for admins only. Admins always read the shop's own texts, which are those that they change.
    #[get("/products/{id}", public = "/api/products/{id}", access = anyone, etag, localized, rate = "100/min", errors(NotFound))]
    async fn get(&self, cx: &Ctx, id: ProductId) -> Result<Product, ProductError>;

    /// Get the product of a slug.
    ///
    /// Slugs that the product had before lead to it, too: when its `slug` is another one than was asked for, the page of the asked one
    /// should redirect to the page of that one. A product that is not shown now exists for admins only.
    #[get(
        "/product-slugs/{slug}",
        public = "/api/product-slugs/{slug}",
        access = anyone,
        etag,
        localized,
        rate = "100/min",
        errors(NotFound)
    )]
    async fn by_slug(&self, cx: &Ctx, slug: Slug) -> Result<Product, ProductError>;

    /// Add a product.
    #[post(
        "/products",
        public = "/api/products",
        access = role(admin),
        retry = key,
        status = 201,
        etag,
        rate = "60/min",
        errors(SlugTaken)
    )]
    async fn create(&self, cx: &Ctx, new: NewProduct) -> Result<Product, ProductError>;

    /// Change a product.
    ///
    /// Replaces everything but the stock: without `description` the product has none, without `category_id` it is in no category.
    /// All members that the first release did not have, from `slug` on, stay as they are if they are not sent: clients that do not
    /// know them must not publish drafts or empty them.
    /// Orders keep the name and price with which they were placed. `If-Match` compares what is replaced, and not the stock: a sale
    /// since the ETag was given is no conflict.
    #[put("/products/{id}", public = "/api/products/{id}", access = role(admin), etag, rate = "60/min", errors(NotFound, SlugTaken))]
    async fn change(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, change: ProductChange) -> Result<Product, ProductError>;

    /// Change some of a product.
    ///
    /// Members that are not sent stay as they are. `If-Match` compares everything but the stock: a sale since the ETag was given is
    /// no conflict.
    #[patch("/products/{id}", public = "/api/products/{id}", access = role(admin), etag, rate = "60/min", errors(NotFound, SlugTaken))]
    async fn patch(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, patch: ProductPatch) -> Result<Product, ProductError>;

    /// Delete a product.
    ///
    /// The product can no longer be found or ordered. Orders that hold it do not change. `If-Match` compares everything but the
    /// stock.
    #[delete(
        "/products/{id}",
        public = "/api/products/{id}",
        access = role(admin),
        status = 204,
        rate = "60/min",
        errors(NotFound)
    )]
    async fn delete(&self, cx: &Ctx, id: ProductId, if_match: IfMatch) -> Result<(), ProductError>;

    /// Set the stock of a product.
    ///
    /// `quantity` is the number of pieces that can be sold from now on, without the pieces held by orders. The product must have no
    /// options. `If-Match` must have the ETag of the product, or of its stock, as it is now: a sale since it was given is a conflict.
    #[put(
        "/products/{id}/stock",
        public = "/api/products/{id}/stock",
        access = role(admin),
        unless = move_stock,
        etag,
        rate = "60/min",
        errors(NotFound, VariantRequired, StockOutOfRange)
    )]
    async fn set_stock(&self, cx: &Ctx, id: ProductId, if_match: IfMatch, stock: SetStock) -> Result<Product, ProductError>;

    /// Replace the variants of a product.
    ///
    /// The list is complete: variants that exist are changed, others are added, and those that are missing are removed; what can be
    /// sold of them is gone, and what orders hold of them stays theirs. To give a product options, send its variant with its
    /// values first, and then the others. To take them away, send one variant without options: it is the one with the product's id, with
    /// the stock that this one has. A variant that was removed comes back if it is sent with its `id`. `If-Match` compares
    /// everything of the product but the stock.
    #[put(
        "/products/{id}/variants",
        public = "/api/products/{id}/variants",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(NotFound, SkuTaken)
    )]
    async fn set_variants(
        &self,
        cx: &Ctx,
        id: ProductId,
        if_match: IfMatch,
        variants: SetVariants,
    ) -> Result<Product, ProductError>;

    /// Replace the pictures of a product.
    ///
    /// The list is complete: the pictures are shown in its order, and lists of products show the first. Pictures are uploaded with
    /// `POST /api/media` before. `If-Match` compares everything of the product but the stock.
    #[put(
        "/products/{id}/pictures",
        public = "/api/products/{id}/pictures",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(NotFound)
    )]
    async fn set_pictures(
        &self,
        cx: &Ctx,
        id: ProductId,
        if_match: IfMatch,
        pictures: SetPictures,
    ) -> Result<Product, ProductError>;

    /// Upload a picture.
    ///
    /// The body is the file. What it is is decided by its content, not by its name or `Content-Type`. It is turned upright and written
    /// anew, as JPEG or, where it was PNG or has transparent parts, as PNG: other data in the file, such as where it was taken, are not
    /// kept, and neither are animations. The id is made of what is kept: the same picture has the same id. A picture that no product
    /// or category has had within 7 days is removed.
    #[post(
        "/media",
        public = "/api/media",
        access = role(admin),
        retry = never,
        upload("image/jpeg", "image/png", "image/webp", "application/octet-stream", max = "20 MB"),
        within = "2min",
        status = 201,
        rate = "120/min",
        errors(NotAPicture, PictureTooLarge, PictureUnreadable)
    )]
    async fn upload_media(&self, cx: &Ctx, body: Upload) -> Result<Media, ProductError>;

    /// Get a picture in a size.
    ///
    /// There are never other bytes at its address: it may be kept for a year without asking again. A size is made when it is first
    /// asked for.
    #[get(
        "/media/{id}/{size}",
        public = "/api/media/{id}/{size}",
        access = anyone,
        download("image/jpeg", "image/png"),
        within = "30s",
        rate = "3000/min",
        errors(MediaNotFound)
    )]
    async fn media(&self, cx: &Ctx, id: MediaId, size: MediaSize) -> Result<Download, ProductError>;

    /// List pictures.
    ///
    /// The newest first, also those that no product has.
    #[get("/media", public = "/api/media", access = role(admin), rate = "100/min")]
    async fn list_media(&self, cx: &Ctx, query: ListMedia) -> Result<MediaPage, ProductError>;

    /// Delete a picture.
    ///
    /// Refused while a product or a category has it. Whoever keeps a copy may show it for a year.
    #[delete(
        "/media/{id}",
        public = "/api/media/{id}",
        access = role(admin),
        status = 204,
        rate = "60/min",
        errors(MediaNotFound, MediaInUse)
    )]
    async fn delete_media(&self, cx: &Ctx, id: MediaId) -> Result<(), ProductError>;

    /// Find variants by ids or by SKU.
    ///
    /// Those of products that are not shown now are not found, by admins neither.
    #[get("/variants", public = "/api/variants", access = anyone, localized, rate = "100/min")]
    async fn variants(&self, cx: &Ctx, query: FindVariants) -> Result<Variants, ProductError>;

    /// Get one variant.
    ///
    /// One of a product that is not shown now exists for admins only.
    #[get(
        "/variants/{id}",
        public = "/api/variants/{id}",
        access = anyone,
        etag,
        localized,
        rate = "100/min",
        errors(VariantNotFound)
    )]
    async fn variant(&self, cx: &Ctx, id: VariantId) -> Result<Variant, ProductError>;

    /// Change some of a variant.
    ///
    /// Members that are not sent stay as they are. Options are changed with all variants of the product, and the stock by operations of
    /// its own: a sale since the ETag was given is no conflict.
    #[patch(
        "/variants/{id}",
        public = "/api/variants/{id}",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(VariantNotFound, SkuTaken)
    )]
    async fn patch_variant(
        &self,
        cx: &Ctx,
        id: VariantId,
        if_match: IfMatch,
        patch: VariantPatch,
    ) -> Result<Variant, ProductError>;

    /// Get the stock of a variant.
    #[get("/variants/{id}/stock", public = "/api/variants/{id}/stock", access = role(admin), etag, rate = "100/min", errors(VariantNotFound))]
    async fn stock(&self, cx: &Ctx, id: VariantId) -> Result<Stock, ProductError>;

    /// List the stock.
    ///
    /// Of all variants that were not removed, by their ids: those of products that are not shown, too.
    #[get("/stock", public = "/api/stock", access = role(admin), rate = "100/min")]
    async fn list_stock(&self, cx: &Ctx, query: ListStock) -> Result<StockPage, ProductError>;

    /// Change the threshold of a variant's stock.
    ///
    /// Members that are not sent stay as they are. `If-Match` compares everything of the stock: a sale since the ETag was given is a
    /// conflict.
    #[patch(
        "/variants/{id}/stock",
        public = "/api/variants/{id}/stock",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(VariantNotFound)
    )]
    async fn patch_stock(&self, cx: &Ctx, id: VariantId, if_match: IfMatch, patch: StockPatch) -> Result<Stock, ProductError>;

    /// Move the stock of a variant.
    ///
    /// By a difference (`delta`), or to what was counted (`counted`). Sales go on meanwhile, and nothing that others move is lost.
    #[post(
        "/variants/{id}/stock-movements",
        public = "/api/variants/{id}/stock-movements",
        access = role(admin),
        retry = key,
        status = 201,
        rate = "60/min",
        errors(VariantNotFound, StockOutOfRange)
    )]
    async fn move_stock(&self, cx: &Ctx, id: VariantId, movement: NewMovement) -> Result<StockMovement, ProductError>;

    /// List movements of the stock.
    ///
    /// The newest first: by whom, why, for which order.
    #[get("/stock-movements", public = "/api/stock-movements", access = role(admin), rate = "100/min")]
    async fn stock_movements(&self, cx: &Ctx, query: ListMovements) -> Result<MovementPage, ProductError>;

    /// List all categories.
    ///
    /// Sorted by `position`, then id: as long as none has a position, by id. `parent_id` gives the tree.
    #[get("/categories", public = "/api/categories", access = anyone, localized, rate = "50/min")]
    async fn categories(&self, cx: &Ctx) -> Result<Vec<Category>, ProductError>;

    /// Get one category.
    #[get("/categories/{id}", public = "/api/categories/{id}", access = anyone, etag, localized, rate = "50/min", errors(CategoryNotFound))]
    async fn category(&self, cx: &Ctx, id: CategoryId) -> Result<Category, ProductError>;

    /// Get the category of a slug.
    ///
    /// Slugs that the category had before lead to it, too: when its `slug` is another one than was asked for, the page of the asked one
    /// should redirect to the page of that one.
    #[get(
        "/category-slugs/{slug}",
        public = "/api/category-slugs/{slug}",
        access = anyone,
        etag,
        localized,
        rate = "50/min",
        errors(CategoryNotFound)
    )]
    async fn category_by_slug(&self, cx: &Ctx, slug: Slug) -> Result<Category, ProductError>;

    /// Add a category.
    #[post(
        "/categories",
        public = "/api/categories",
        access = role(admin),
        retry = key,
        status = 201,
        etag,
        rate = "60/min",
        errors(CategorySlugTaken)
    )]
    async fn create_category(&self, cx: &Ctx, new: NewCategory) -> Result<Category, ProductError>;

    /// Change a category.
    ///
    /// Without `parent_id` the category is moved to the top of the tree; all other members stay as they are if they are not sent, because
    /// clients of the first release do not know them. A category cannot be moved below itself.
    #[put(
        "/categories/{id}",
        public = "/api/categories/{id}",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(CategoryNotFound, CategorySlugTaken)
    )]
    async fn change_category(
        &self,
        cx: &Ctx,
        id: CategoryId,
        if_match: IfMatch,
        change: NewCategory,
    ) -> Result<Category, ProductError>;

    /// Change some of a category.
    ///
    /// Members that are not sent stay as they are. A category cannot be moved below itself.
    #[patch(
        "/categories/{id}",
        public = "/api/categories/{id}",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(CategoryNotFound, CategorySlugTaken)
    )]
    async fn patch_category(
        &self,
        cx: &Ctx,
        id: CategoryId,
        if_match: IfMatch,
        patch: CategoryPatch,
    ) -> Result<Category, ProductError>;

    /// Delete a category.
    ///
    /// Refused while it has products or categories below it.
    #[delete(
        "/categories/{id}",
        public = "/api/categories/{id}",
        access = role(admin),
        status = 204,
        rate = "60/min",
        errors(CategoryNotFound, CategoryNotEmpty)
    )]
    async fn delete_category(&self, cx: &Ctx, id: CategoryId, if_match: IfMatch) -> Result<(), ProductError>;

    /// List all attributes.
    ///
    /// What products can be described by, sorted by code.
    #[get("/attributes", public = "/api/attributes", access = anyone, localized, rate = "50/min")]
    async fn attributes(&self, cx: &Ctx) -> Result<Attributes, ProductError>;

    /// Get one attribute.
    #[get(
        "/attributes/{code}",
        public = "/api/attributes/{code}",
        access = anyone,
        etag,
        localized,
        rate = "50/min",
        errors(AttributeNotFound)
    )]
    async fn attribute(&self, cx: &Ctx, code: AttributeCode) -> Result<Attribute, ProductError>;

    /// Add or replace an attribute.
    ///
    /// What products have already must stay valid: the kind, and the choices that are in use.
    #[put(
        "/attributes/{code}",
        public = "/api/attributes/{code}",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(AttributeInUse, TooManyAttributes)
    )]
    async fn set_attribute(
        &self,
        cx: &Ctx,
        code: AttributeCode,
        if_match: IfMatch,
        attribute: SetAttribute,
    ) -> Result<Attribute, ProductError>;

    /// Delete an attribute.
    ///
    /// Refused while products have it or categories require it.
    #[delete(
        "/attributes/{code}",
        public = "/api/attributes/{code}",
        access = role(admin),
        status = 204,
        rate = "60/min",
        errors(AttributeNotFound, AttributeInUse)
    )]
    async fn delete_attribute(&self, cx: &Ctx, code: AttributeCode, if_match: IfMatch) -> Result<(), ProductError>;
    /// List the translations of a product.
    #[get(
        "/products/{id}/translations",
        public = "/api/products/{id}/translations",
        access = role(admin),
        etag,
        rate = "100/min",
        errors(NotFound)
    )]
    async fn product_translations(&self, cx: &Ctx, id: ProductId) -> Result<ProductTranslations, ProductError>;

    /// Translate a product.
    ///
    /// Replaces the texts in this language; at most 50 languages beside the shop's own. Readers get each text in the best language of their
    /// `Accept-Language` that has it, and searches find words of all languages. It is a change of the product, with which
    /// `If-Match` compares everything but the stock.
    #[put(
        "/products/{id}/translations/{language}",
        public = "/api/products/{id}/translations/{language}",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(NotFound, TooManyTranslations)
    )]
    async fn translate_product(
        &self,
        cx: &Ctx,
        id: ProductId,
        language: Language,
        if_match: IfMatch,
        texts: ProductTexts,
    ) -> Result<ProductTranslations, ProductError>;

    /// Delete a translation of a product.
    #[delete(
        "/products/{id}/translations/{language}",
        public = "/api/products/{id}/translations/{language}",
        access = role(admin),
        status = 204,
        rate = "60/min",
        errors(NotFound, TranslationNotFound)
    )]
    async fn delete_product_translation(
        &self,
        cx: &Ctx,
        id: ProductId,
        language: Language,
        if_match: IfMatch,
    ) -> Result<(), ProductError>;

    /// List the translations of a category.
    #[get(
        "/categories/{id}/translations",
        public = "/api/categories/{id}/translations",
        access = role(admin),
        etag,
        rate = "100/min",
        errors(CategoryNotFound)
    )]
    async fn category_translations(&self, cx: &Ctx, id: CategoryId) -> Result<CategoryTranslations, ProductError>;

    /// Translate a category.
    ///
    /// Replaces the texts in this language; at most 50 languages beside the shop's own. It is a change of the category.
    #[put(
        "/categories/{id}/translations/{language}",
        public = "/api/categories/{id}/translations/{language}",
        access = role(admin),
        etag,
        rate = "60/min",
        errors(CategoryNotFound, TooManyTranslations)
    )]
    async fn translate_category(
        &self,
        cx: &Ctx,
        id: CategoryId,
        language: Language,
        if_match: IfMatch,
        texts: CategoryTexts,
    ) -> Result<CategoryTranslations, ProductError>;

    /// Delete a translation of a category.
    #[delete(
        "/categories/{id}/translations/{language}",
        public = "/api/categories/{id}/translations/{language}",
        access = role(admin),
        status = 204,
        rate = "60/min",
        errors(CategoryNotFound, TranslationNotFound)
    )]
    async fn delete_category_translation(
        &self,
        cx: &Ctx,
        id: CategoryId,
        language: Language,
        if_match: IfMatch,
    ) -> Result<(), ProductError>;

    /// Import products from a CSV file.
    ///
    /// The file is kept, and imported in the background: the answer says where to ask how far that is. First all of it is checked; if
    /// anything is wrong, the import lists the rows, and nothing is changed. `GET /api/catalogue/export` gives a file to begin with, which can
    /// be imported again as it is.
    #[post(
        "/catalogue/imports",
        public = "/api/catalogue/imports",
        access = role(admin),
        retry = never,
        upload("text/csv", max = "200 MB"),
        within = "30min",
        status = 202,
        location = "/api/catalogue/imports/{id}",
        rate = "10/min"
    )]
    async fn import_products(&self, cx: &Ctx, query: ImportFile, file: Upload) -> Result<Import, ProductError>;

    /// Get an import.
    ///
    /// Imports are kept for 30 days.
    #[get(
        "/catalogue/imports/{id}",
        public = "/api/catalogue/imports/{id}",
        access = role(admin),
        rate = "100/min",
        errors(ImportNotFound)
    )]
    async fn import_of_products(&self, cx: &Ctx, id: ImportId) -> Result<Import, ProductError>;

    /// Export products as a CSV file.
    ///
    /// One row for each variant, sorted by the ids of the products. The file is made while it is sent: what is changed meanwhile may be in
    /// it or not.
    #[get(
        "/catalogue/export",
        public = "/api/catalogue/export",
        access = role(admin),
        download("text/csv"),
        within = "30min",
        rate = "10/min"
    )]
    async fn export_products(&self, cx: &Ctx, query: ExportFile) -> Result<Download, ProductError>;

    /// Hold stock for every line of an order, all or nothing.
    ///
    /// Held stock cannot be sold to anyone else until it is released or committed, or until `expires_at`. Repeating the call is
    /// harmless; an order whose hold has ended cannot get another one. Names are in the shop's own language, whatever the caller wants.
    #[put("/holds/{order}", access = module(order), errors(OutOfStock, HoldEnded))]
    async fn hold(&self, cx: &Ctx, order: OrderId, request: HoldRequest) -> Result<Hold, ProductError>;

    /// Mark the held stock of an order as sold. Repeating the call is harmless.
    #[put("/holds/{order}/commit", access = module(order), status = 204, errors(HoldEnded))]
    async fn commit(&self, cx: &Ctx, order: OrderId) -> Result<(), ProductError>;

    /// Return the stock of an order, whether held or sold, to the shop.
    ///
    /// Repeating the call is harmless. A released order cannot hold stock again: a late `hold` is refused, also for an order
    /// without a hold.
    #[delete("/holds/{order}", access = module(order), status = 204)]
    async fn release(&self, cx: &Ctx, order: OrderId) -> Result<(), ProductError>;
}

impl Contract for ProductClient {
    const NAME: &'static str = "product";
    const PORT: u16 = 5001;

    fn events() -> Vec<EventType> {
        vec![EventType::of::<StockLow>()]
    }
}
