//! Creates, changes and deletes categories, which form a tree.

use crate::{
    Category, CategoryId, CategoryPatch, NewCategory, ProductError, Slug,
    context::{Products, Result},
    entity::{category, media_use::Owner, translation::Kind},
    ops, rules,
    slugs::make,
    store::{self, media, slugs, translations},
    view::to_category,
};
use kernel::{
    Ctx, Fault, IfMatch, Tagged,
    db::Tx,
    idempotency::{self, Begun},
};

impl Products {
    pub(crate) async fn insert_category(&self, cx: &Ctx, new: NewCategory) -> Result<Category> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE_CATEGORY, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.parent_id, "/parent_id").await?;
        let required = new.required_attributes.clone().flatten().unwrap_or_default();
        self.must_be_attributes(&tx, &required).await?;
        let picture = new.picture_id.clone().flatten();
        let shown = self.category_picture(&tx, picture.as_ref()).await?;
        let mut added = store::insert_category(&*tx, &new, rules::to_stored(&required)?, shown).await?;
        let id = CategoryId(added.id);
        match &new.slug {
            Some(slug) => take_slug(&tx, id, slug).await?,
            None => {
                make(&tx, slugs::CATEGORIES, &[(added.id, added.name.clone())]).await?;
                added = store::category(&*tx, id).await?.ok_or(ProductError::CategoryNotFound)?;
            }
        }
        if let Some(picture) = picture {
            media::set_uses(&*tx, Owner::Category, id.0, &[picture], self.db.now()).await?;
        }
        let category = to_category(added, &self.own_texts())?;
        held.finish(&tx, &category).await?;
        tx.commit().await?;
        Ok(category)
    }

    pub(crate) async fn edit_category(&self, id: CategoryId, if_match: &IfMatch, patch: CategoryPatch) -> Result<Category> {
        let tx = self.db.begin().await?;
        let required = patch.required_attributes.clone().map(Option::unwrap_or_default);
        self.must_be_attributes(&tx, required.as_deref().unwrap_or_default()).await?;
        let required = required.map(|codes| rules::to_stored(&codes)).transpose()?;
        if let Some(parent) = patch.parent_id.flatten() {
            store::lock_categories(&*tx).await?;
            self.must_exist(&tx, Some(parent), "/parent_id").await?;
            if rules::below(id, &store::parents(&*tx).await?).contains(&parent.0) {
                return Err(Fault::invalid("/parent_id", "must not be the category itself or one below it").into());
            }
        }
        let (slug, picture) = (patch.slug.clone(), patch.picture_id.clone());
        let shown = match &picture {
            Some(picture) => Some(self.category_picture(&tx, picture.as_ref()).await?),
            None => None,
        };
        let Some(row) = store::edit_category(&*tx, id, if_match, patch, required, shown).await? else {
            return Err(self.no_category(&tx, id).await?);
        };
        if let Some(slug) = slug {
            take_slug(&tx, id, &slug).await?;
        }
        if let Some(picture) = picture {
            media::set_uses(&*tx, Owner::Category, id.0, picture.as_slice(), self.db.now()).await?;
        }
        tx.commit().await?;
        to_category(row, &self.own_texts())
    }

    pub(crate) async fn remove_category(&self, id: CategoryId, if_match: &IfMatch) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::category_is_used(&*tx, id).await? {
            return Err(ProductError::CategoryNotEmpty);
        }
        if !store::delete_category(&*tx, id, if_match).await? {
            return Err(self.no_category(&tx, id).await?);
        }
        translations::delete_all(&*tx, Kind::Category, id.0).await?;
        media::set_uses(&*tx, Owner::Category, id.0, &[], self.db.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Categories in the languages that the caller wants.
    pub(crate) async fn shown_categories(&self, cx: &Ctx, rows: Vec<category::Model>) -> Result<Vec<Category>> {
        let wanted = self.wanted(cx, rows.iter().map(|row| (row.id, &*row.languages)));
        let texts = wanted.read(self.db.read(), Kind::Category).await?;
        rows.into_iter().map(|row| to_category(row, &texts)).collect()
    }

    /// Why a category was not changed: there is none, or it is not as the caller saw it.
    async fn no_category(&self, tx: &Tx, id: CategoryId) -> Result<ProductError> {
        let now = store::category(&**tx, id).await?.map(|row| to_category(row, &self.own_texts())).transpose()?;
        Ok(now.map_or(ProductError::CategoryNotFound, |now| IfMatch::failed(now.etag()).into()))
    }

    /// Refuses the id of a missing category in the member `pointer`.
    pub(crate) async fn must_exist(&self, tx: &Tx, category: Option<CategoryId>, pointer: &str) -> Result<()> {
        match category {
            Some(id) if store::category(&**tx, id).await?.is_none() => {
                Err(Fault::invalid(pointer, "must be an existing category").into())
            }
            _ => Ok(()),
        }
    }
}

async fn take_slug(tx: &Tx, id: CategoryId, slug: &Slug) -> Result<()> {
    let is_taken = slugs::take(&**tx, slugs::CATEGORIES, id.0, slug).await?;
    if is_taken { Ok(()) } else { Err(ProductError::CategorySlugTaken { slug: slug.to_string() }) }
}
