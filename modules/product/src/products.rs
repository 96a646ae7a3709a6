//! Creates and changes products.

use crate::{
    NewProduct, Product, ProductError, ProductId, ProductPatch, Slug,
    context::{Products, Result},
    entity::media_use::Owner,
    ops, rules,
    slugs::make,
    store::{self, media, slugs, stock, tags, variants},
};
use kernel::{
    Ctx, Fault, IfMatch, Tagged,
    db::Tx,
    idempotency::{self, Begun},
};

impl Products {
    pub(crate) async fn insert_product(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        let price = rules::price(new.price, new.currency, self.currency)?;
        rules::publication(new.published_from, new.published_until)?;
        rules::tags(&new.tags)?;
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.category_id, "/category_id").await?;
        let (slug, with_tags) = (new.slug.clone(), new.tags.clone());
        let added = store::insert(&*tx, new, price).await?;
        let id = added.id;
        match slug {
            Some(slug) => take_slug(&tx, ProductId(id), &slug).await?,
            None => drop(make(&tx, &[(id, added.name)]).await?),
        }
        tags::insert(&*tx, ProductId(id), &with_tags).await?;
        variants::insert_first(&*tx, &[id]).await?;
        stock::insert_first_items(&*tx, &[id], Some(cx.user()?)).await?;
        let product = self.after(&tx, ProductId(id)).await?;
        held.finish(&tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    pub(crate) async fn edit_product(&self, id: ProductId, if_match: &IfMatch, patch: ProductPatch) -> Result<Product> {
        let price = patch.price.map(|price| rules::price(price, None, self.currency)).transpose()?;
        rules::tags(patch.tags.as_deref().unwrap_or_default())?;
        let tx = self.db.begin().await?;
        self.must_exist(&tx, patch.category_id.flatten(), "/category_id").await?;
        let before = variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        rules::publication(
            patch.published_from.unwrap_or(before.published_from),
            patch.published_until.unwrap_or(before.published_until),
        )?;
        let has_options = variants::living(&*tx, id).await?.iter().any(|variant| !variant.options.is_empty());
        let price = price.filter(|price| price.minor != before.price_minor);
        if price.is_some() && has_options {
            return Err(Fault::invalid("/price", "must be changed at the variants, because the product has options").into());
        }
        let slug = patch.slug.clone().filter(|slug| before.slug.as_deref() != Some(slug.as_str()));
        let with_tags = patch.tags.clone();
        let Some(after) = store::edit(&*tx, id, if_match, patch, price).await? else {
            return Err(self.refusal(&tx, id).await?);
        };
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

    pub(crate) async fn remove_product(&self, id: ProductId, if_match: &IfMatch) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::delete(&*tx, id, if_match).await?.is_none() {
            return Err(self.refusal(&tx, id).await?);
        }
        variants::delete_all(&*tx, id).await?;
        slugs::delete(&*tx, id).await?;
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
    if slugs::take(&**tx, id, slug).await? { Ok(()) } else { Err(ProductError::SlugTaken { slug: slug.to_string() }) }
}
