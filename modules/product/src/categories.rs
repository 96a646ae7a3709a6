//! Creates, changes and deletes categories, which form a tree.

use crate::{
    Category, CategoryId, NewCategory, ProductError,
    context::{Products, Result},
    ops, rules, store,
    view::to_category,
};
use kernel::{
    Ctx, Fault,
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
        let category = to_category(store::insert_category(&*tx, &new).await?);
        held.finish(&tx, &category).await?;
        tx.commit().await?;
        Ok(category)
    }

    pub(crate) async fn replace_category(&self, id: CategoryId, change: NewCategory) -> Result<Category> {
        let tx = self.db.begin().await?;
        store::lock_categories(&*tx).await?;
        store::category(&*tx, id).await?.ok_or(ProductError::CategoryNotFound)?;
        self.must_exist(&tx, change.parent_id, "/parent_id").await?;
        let below = rules::below(id, &store::parents(&*tx).await?);
        if change.parent_id.is_some_and(|parent| below.contains(&parent.0)) {
            return Err(Fault::invalid("/parent_id", "must not be the category itself or one below it").into());
        }
        let category = to_category(store::update_category(&*tx, id, &change).await?);
        tx.commit().await?;
        Ok(category)
    }

    pub(crate) async fn remove_category(&self, id: CategoryId) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::category_is_used(&*tx, id).await? {
            return Err(ProductError::CategoryNotEmpty);
        }
        if !store::delete_category(&*tx, id).await? {
            return Err(ProductError::CategoryNotFound);
        }
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
