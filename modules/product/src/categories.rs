//! Creates, changes and deletes categories, which form a tree.

use crate::{
    Category, CategoryId, CategoryPatch, NewCategory, ProductError,
    context::{Products, Result},
    entity::media_use::Owner,
    ops, rules,
    store::{self, media},
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
        let picture = new.picture_id.clone().flatten();
        let stored = self.category_picture(&tx, picture.as_ref()).await?;
        let category = to_category(store::insert_category(&*tx, &new, stored).await?)?;
        if let Some(picture) = picture {
            media::set_uses(&*tx, Owner::Category, category.id.0, &[picture], self.db.now()).await?;
        }
        held.finish(&tx, &category).await?;
        tx.commit().await?;
        Ok(category)
    }

    pub(crate) async fn edit_category(&self, id: CategoryId, if_match: &IfMatch, patch: CategoryPatch) -> Result<Category> {
        let tx = self.db.begin().await?;
        if let Some(parent) = patch.parent_id.flatten() {
            store::lock_categories(&*tx).await?;
            self.must_exist(&tx, Some(parent), "/parent_id").await?;
            if rules::below(id, &store::parents(&*tx).await?).contains(&parent.0) {
                return Err(Fault::invalid("/parent_id", "must not be the category itself or one below it").into());
            }
        }
        let picture = patch.picture_id.clone();
        let stored = match &picture {
            Some(picture) => Some(self.category_picture(&tx, picture.as_ref()).await?),
            None => None,
        };
        let Some(row) = store::edit_category(&*tx, id, if_match, patch, stored).await? else {
            return Err(refusal(&tx, id).await?);
        };
        if let Some(picture) = picture {
            media::set_uses(&*tx, Owner::Category, id.0, picture.as_slice(), self.db.now()).await?;
        }
        tx.commit().await?;
        to_category(row)
    }

    pub(crate) async fn remove_category(&self, id: CategoryId, if_match: &IfMatch) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::category_is_used(&*tx, id).await? {
            return Err(ProductError::CategoryNotEmpty);
        }
        if !store::delete_category(&*tx, id, if_match).await? {
            return Err(refusal(&tx, id).await?);
        }
        media::set_uses(&*tx, Owner::Category, id.0, &[], self.db.now()).await?;
        Ok(tx.commit().await?)
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

/// Why a category was not changed: there is none, or it is not as the caller saw it.
async fn refusal(tx: &Tx, id: CategoryId) -> Result<ProductError> {
    let now = store::category(&**tx, id).await?.map(to_category).transpose()?;
    Ok(now.map_or(ProductError::CategoryNotFound, |now| IfMatch::failed(now.etag()).into()))
}
