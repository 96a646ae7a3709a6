//! Creates and changes products.

use crate::{
    AttributeValues, CategoryId, NewProduct, Product, ProductError, ProductId, ProductPatch, ProductStatus, Slug,
    attributes::{Described, Values},
    context::{Products, Result},
    entity::{media_use::Owner, product, translation::Kind},
    ops, rules,
    slugs::make,
    store::{
        self, attributes, media, options, slugs, stock, tags,
        variants::{self, Sold},
    },
    view::to_product,
};
use kernel::{
    Ctx, Fault, IfMatch, Tagged,
    db::Tx,
    idempotency::{self, Begun},
};

impl Products {
    /// A product with its variants, in the languages that the caller wants.
    pub(crate) async fn shown_product(&self, cx: &Ctx, product: product::Model, sold: Vec<Sold>) -> Result<Product> {
        let wanted = self.wanted(cx, [(product.id, &*product.languages)]);
        let texts = wanted.read(self.db.read(), Kind::Product).await?;
        to_product(product, Some(sold), &texts)
    }

    pub(crate) async fn insert_product(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        let price = rules::price(new.price, new.currency, self.currency)?;
        rules::publication(new.published_from, new.published_until)?;
        rules::tags(&new.tags)?;
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.category_id, "/category_id").await?;
        let described = self.describe(&tx, &new.attributes).await?;
        if new.status.unwrap_or_default() == ProductStatus::Active {
            self.must_have_required(&tx, new.category_id, &new.attributes).await?;
        }
        let (slug, with_tags) = (new.slug.clone(), new.tags.clone());
        let added = store::insert(&*tx, new, price, described.stored).await?;
        let id = added.id;
        match slug {
            Some(slug) => take_slug(&tx, ProductId(id), &slug).await?,
            None => drop(make(&tx, slugs::PRODUCTS, &[(id, added.name)]).await?),
        }
        tags::insert(&*tx, ProductId(id), &with_tags).await?;
        attributes::insert_index(&*tx, ProductId(id), described.index).await?;
        variants::insert_first(&*tx, &[id]).await?;
        stock::insert_first_items(&*tx, &[id], Some(cx.user()?)).await?;
        let product = self.after(&tx, ProductId(id)).await?;
        held.finish(&tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// Changes what is in the patch, but for the attributes, which shall be `values` if they are given.
    pub(crate) async fn edit_product(
        &self,
        id: ProductId,
        if_match: &IfMatch,
        patch: ProductPatch,
        values: Option<Values>,
    ) -> Result<Product> {
        let price = patch.price.map(|price| rules::price(price, None, self.currency)).transpose()?;
        rules::tags(patch.tags.as_deref().unwrap_or_default())?;
        let tx = self.db.begin().await?;
        self.must_exist(&tx, patch.category_id.flatten(), "/category_id").await?;
        let before = variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        rules::publication(
            patch.published_from.unwrap_or(before.published_from),
            patch.published_until.unwrap_or(before.published_until),
        )?;
        let described = self.redescribe(&tx, &before, &patch, values).await?;
        let has_options = variants::living(&*tx, id).await?.iter().any(|variant| !variant.options.is_empty());
        let price = price.filter(|price| price.minor != before.price_minor);
        if price.is_some() && has_options {
            return Err(Fault::invalid("/price", "must be changed at the variants, because the product has options").into());
        }
        let slug = patch.slug.clone().filter(|slug| before.slug.as_deref() != Some(slug.as_str()));
        let with_tags = patch.tags.clone();
        let stored = described.as_ref().map(|described| described.stored.clone());
        let Some(after) = store::edit(&*tx, id, if_match, patch, price, stored).await? else {
            return Err(self.refusal(&tx, id).await?);
        };
        if let Some(described) = described {
            attributes::delete_index(&*tx, id).await?;
            attributes::insert_index(&*tx, id, described.index).await?;
        }
        if let Some(with_tags) = with_tags.filter(|_| after.tags != before.tags) {
            tags::replace(&*tx, id, &with_tags).await?;
        }
        if let Some(slug) = slug {
            take_slug(&tx, id, &slug).await?;
        }
        if let Some(price) = price {
            variants::set_price(&*tx, id, price.minor).await?;
        }
        let product = self.after(&tx, id).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// The attributes of a product that is being changed, if they change. What is active then must have those that are required, but
    /// only if the change has to do with it: a price can be changed, whatever a category has required meanwhile.
    async fn redescribe(
        &self,
        tx: &Tx,
        before: &product::Model,
        patch: &ProductPatch,
        values: Option<Values>,
    ) -> Result<Option<Described>> {
        let now: AttributeValues = rules::stored(&before.attributes)?;
        let category = patch.category_id.unwrap_or(before.category_id.map(CategoryId));
        let status = patch.status.unwrap_or(before.status.into());
        let after = values.map(|values| values.of(now.clone())).transpose()?.filter(|after| *after != now);
        let has_to_do = after.is_some() || category.map(|id| id.0) != before.category_id || status != before.status.into();
        if has_to_do && status == ProductStatus::Active {
            self.must_have_required(tx, category, after.as_ref().unwrap_or(&now)).await?;
        }
        match after {
            Some(after) => self.describe(tx, &after).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn remove_product(&self, cx: &Ctx, id: ProductId, if_match: &IfMatch) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::delete(&*tx, id, if_match).await?.is_none() {
            return Err(self.refusal(&tx, id).await?);
        }
        // also those that were removed before: orders may have given pieces back to them
        let all = variants::all(&*tx, id).await?;
        stock::empty(&*tx, all.iter().map(|variant| variant.id), Some(cx.user()?), "product removed").await?;
        variants::delete_all(&*tx, id).await?;
        options::delete(&*tx, id).await?;
        attributes::delete_index(&*tx, id).await?;
        stock::add_up(&*tx, id).await?;
        slugs::delete(&*tx, slugs::PRODUCTS, id.0).await?;
        media::set_uses(&*tx, Owner::Product, id.0, &[], self.db.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Why a product was not changed: there is none, or it is not as the caller saw it.
    pub(crate) async fn refusal(&self, tx: &Tx, id: ProductId) -> Result<ProductError> {
        match self.after(tx, id).await {
            Ok(now) => Ok(IfMatch::failed(now.etag()).into()),
            Err(e) => Ok(e),
        }
    }
}

async fn take_slug(tx: &Tx, id: ProductId, slug: &Slug) -> Result<()> {
    if slugs::take(&**tx, slugs::PRODUCTS, id.0, slug).await? {
        Ok(())
    } else {
        Err(ProductError::SlugTaken { slug: slug.to_string() })
    }
}
