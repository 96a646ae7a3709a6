//! Finds variants, and replaces those of a product.

use crate::{
    FindVariants, Product, ProductError, ProductId, SetVariants, Variant, VariantId, VariantPatch, Variants,
    context::{Products, Result},
    entity::{translation::Kind, variant},
    low::became_low,
    rules,
    store::{
        self, Sight, options, stock,
        variants::{self, Edited, Sold},
    },
    view::{to_product, to_variant},
};
use kernel::{Ctx, Fault, IfMatch, Tagged, db::Tx, outbox};
use std::collections::{HashMap, HashSet};

impl Products {
    pub(crate) async fn find_variants(&self, cx: &Ctx, query: FindVariants) -> Result<Variants> {
        let found = match (query.ids, query.sku) {
            (Some(ids), None) => variants::by_ids(self.db.read(), self.public(), ids.as_slice().iter().copied()).await?,
            (None, Some(sku)) => variants::by_sku(self.db.read(), self.public(), sku.to_lowercase()).await?.into_iter().collect(),
            _ => return Err(Fault::invalid("", "must have either ids or sku").into()),
        };
        Ok(Variants { variants: self.shown(cx, found).await? })
    }

    pub(crate) async fn find_variant(&self, cx: &Ctx, id: VariantId) -> Result<Variant> {
        let found = variants::by_ids(self.db.read(), self.sight(cx), [id]).await?;
        self.shown(cx, found).await?.pop().ok_or(ProductError::VariantNotFound)
    }

    pub(crate) async fn edit_variant(&self, id: VariantId, if_match: &IfMatch, patch: VariantPatch) -> Result<Variant> {
        let price = patch.price.map(|price| rules::price(price, None, self.currency)).transpose()?;
        let sku = patch.sku.clone().flatten().map(|sku| sku.to_lowercase());
        let tx = self.db.begin().await?;
        let product = variants::product_of(&*tx, id).await?.ok_or(ProductError::VariantNotFound)?;
        variants::lock_product(&*tx, product).await?.ok_or(ProductError::VariantNotFound)?;
        let in_tx = async || {
            let found = variants::by_ids(&*tx, Sight::All, [id]).await?.into_iter().next();
            found.ok_or(ProductError::VariantNotFound).and_then(|found| to_variant(found, &self.own_texts()))
        };
        let before = in_tx().await?;
        match variants::edit(&*tx, id, if_match, patch, price.map(|price| price.minor)).await? {
            Edited::As(version) if version == before.version => return Ok(before),
            Edited::As(_) => variants::count_change(&*tx, product).await?,
            Edited::No => return Err(IfMatch::failed(before.etag()).into()),
            Edited::SkuTaken => return Err(ProductError::SkuTaken { sku: sku.unwrap_or_default() }),
        }
        let after = in_tx().await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Variants in the languages that the caller wants.
    async fn shown(&self, cx: &Ctx, found: Vec<Sold>) -> Result<Vec<Variant>> {
        let wanted = self.wanted(cx, found.iter().map(|one| (one.variant.product_id, &*one.languages)));
        let texts = wanted.read(self.db.read(), Kind::Product).await?;
        found.into_iter().map(|one| to_variant(one, &texts)).collect()
    }

    /// A product with its variants, as a transaction leaves it, with the shop's own texts.
    pub(crate) async fn after(&self, tx: &Tx, id: ProductId) -> Result<Product> {
        let product = store::product(&**tx, Sight::All, id).await?.ok_or(ProductError::NotFound)?;
        to_product(product, Some(variants::of_products(&**tx, [id]).await?), &self.own_texts())
    }

    pub(crate) async fn replace_variants(
        &self,
        cx: &Ctx,
        id: ProductId,
        if_match: &IfMatch,
        request: SetVariants,
    ) -> Result<Product> {
        // the program itself adds the demo shop
        let user = cx.user().ok();
        let mut wanted = rules::variants(request, self.currency)?;
        let tx = self.db.begin().await?;
        let product = variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        if if_match.versions::<Product>(id).is_some_and(|versions| !versions.contains(&product.version)) {
            return Err(IfMatch::failed(self.after(&tx, id).await?.etag()).into());
        }
        let all = variants::all(&*tx, id).await?;
        rules::identify(&mut wanted, id, &all)?;
        let existing: HashMap<i64, variant::Model> = all.into_iter().map(|variant| (variant.id, variant)).collect();
        let keys: Vec<String> = wanted.iter().filter_map(|one| one.spec.sku.as_ref().map(|sku| sku.to_lowercase())).collect();
        if let Some(sku) = variants::sku_of_others(&*tx, id, &keys).await? {
            return Err(ProductError::SkuTaken { sku });
        }

        let kept: HashSet<_> = wanted.iter().filter_map(|one| one.spec.id).map(|id| id.0).collect();
        let living = existing.values().filter(|variant| variant.deleted_at.is_none()).map(|variant| variant.id);
        let gone: Vec<i64> = living.filter(|id| !kept.contains(id)).collect();
        let (old, new): (Vec<_>, Vec<_>) = (0..).zip(wanted).partition(|(_, one)| one.spec.id.is_some());
        let now = self.db.now();
        let changed = old.into_iter().filter_map(|(position, one)| {
            let before = existing.get(&one.spec.id?.0)?;
            one.change(before, position, now)
        });
        let changed: Vec<_> = changed.collect();
        if gone.is_empty() && changed.is_empty() && new.is_empty() {
            return self.after(&tx, id).await;
        }
        if !gone.is_empty() {
            let emptied = stock::empty(&*tx, gone.iter().copied(), user, "variant removed").await?;
            let low = emptied.iter().filter_map(|(item, pieces)| {
                became_low(item, *pieces, existing.get(&item.variant_id)?, &product.name).transpose()
            });
            outbox::publish_all(&tx, cx, &low.collect::<Result<Vec<_>, _>>()?).await?;
            variants::delete(&*tx, &gone).await?;
        }
        let pieces: Vec<i64> = new.iter().map(|(_, one)| one.spec.stock_quantity.unwrap_or_default()).collect();
        let new = new.into_iter().map(|(position, one)| one.add(&product, position, now)).collect();
        let Some(ids) = variants::write(&*tx, changed, new).await? else {
            drop(tx);
            return Err(self.sku_taken_meanwhile(id, &keys).await?);
        };
        stock::insert_items(&*tx, &std::iter::zip(ids, pieces).collect::<Vec<_>>(), user).await?;
        self.index_options(&tx, id).await?;
        variants::count_change(&*tx, id).await?;
        stock::add_up(&*tx, id).await?;
        let product = self.after(&tx, id).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// Brings the index of options up to date.
    async fn index_options(&self, tx: &Tx, id: ProductId) -> Result<()> {
        let living = variants::living(&**tx, id).await?;
        let options =
            living.iter().map(|variant| Ok::<_, Fault>((VariantId(variant.id), rules::stored::<Vec<_>>(&variant.options)?)));
        let options: Vec<_> = options.collect::<Result<_, _>>()?;
        let rows = options.iter().flat_map(|(variant, options)| options::rows(id, *variant, options));
        Ok(options::replace(&**tx, id, rows.collect()).await?)
    }

    /// After the SKUs were compared, another request has given one of them to another product.
    async fn sku_taken_meanwhile(&self, id: ProductId, keys: &[String]) -> Result<ProductError> {
        let sku = variants::sku_of_others(self.db.read(), id, keys).await?;
        Ok(ProductError::SkuTaken { sku: sku.unwrap_or_default() })
    }
}
