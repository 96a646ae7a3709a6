//! Queries of pictures.

use crate::{
    MediaId,
    entity::{
        media::{ActiveModel, Column, Entity, Model},
        media_use::{self, Owner},
    },
};
use kernel::{
    Fault, Page,
    chrono::{DateTime, Utc},
    db::{Keyset, Rows},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, Query, SelectStatement},
};

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn one(db: &impl ConnectionTrait, id: &MediaId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id.as_str()).one(db).await?)
}

/// Adds a picture, or notes the time of another upload of it. Returns what is there then: with the object of the first upload.
pub(crate) async fn add(db: &impl ConnectionTrait, row: Model) -> Result<Model> {
    let again = OnConflict::column(Column::Id).update_column(Column::UploadedAt).to_owned();
    // with the primary key, which is not counted up
    Ok(Entity::insert::<ActiveModel>(row.into_active_model()).on_conflict(again).exec_with_returning(db).await?)
}

/// Locks pictures until the end of the transaction, so that they are not deleted meanwhile. Those that do not exist are missing.
pub(crate) async fn lock(db: &impl ConnectionTrait, ids: &[MediaId]) -> Result<Vec<Model>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let find = Entity::find().filter(Column::Id.is_in(ids.iter().map(MediaId::as_str)));
    Ok(find.order_by_asc(Column::Id).lock_exclusive().all(db).await?)
}

/// Notes what has these pictures, which must be locked, and no others.
pub(crate) async fn set_uses(
    db: &impl ConnectionTrait,
    owner: Owner,
    owner_id: i64,
    ids: &[MediaId],
    now: DateTime<Utc>,
) -> Result<()> {
    use media_use::{Column as Use, Entity as Uses, Model};
    Uses::delete_many().filter(Use::Owner.eq(owner)).filter(Use::OwnerId.eq(owner_id)).exec(db).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let rows = ids.iter().map(|id| Model { media_id: id.to_string(), owner, owner_id }.into_active_model());
    Uses::insert_many(rows).exec_without_returning(db).await?;
    Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Id.is_in(ids.iter().map(MediaId::as_str)))
        .filter(Column::UsedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Whether something has a picture.
pub(crate) async fn is_used(db: &impl ConnectionTrait, id: &MediaId) -> Result<bool> {
    let uses = media_use::Entity::find().filter(media_use::Column::MediaId.eq(id.as_str()));
    Ok(uses.limit(1).count(db).await? > 0)
}

pub(crate) async fn delete(db: &impl ConnectionTrait, ids: &[String]) -> Result<()> {
    Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?;
    Ok(())
}

/// Locks up to `most` pictures that were uploaded before a time, and that nothing has had.
pub(crate) async fn lock_unused(db: &impl ConnectionTrait, before: DateTime<Utc>, most: u64) -> Result<Vec<Model>> {
    let find = Entity::find().filter(Column::UsedAt.is_null()).filter(Column::UploadedAt.lt(before));
    let find = find.filter(Column::Id.not_in_subquery(used())).order_by_asc(Column::UploadedAt).limit(most);
    Ok(find.lock_exclusive().all(db).await?)
}

fn used() -> SelectStatement {
    Query::select().column(media_use::Column::MediaId).from(media_use::Entity).to_owned()
}

/// Which of these objects are those of pictures.
pub(crate) async fn known(db: &impl ConnectionTrait, objects: Vec<String>) -> Result<Vec<String>> {
    let find = Entity::find().select_only().column(Column::Object).filter(Column::Object.is_in(objects));
    Ok(find.into_tuple().all(db).await?)
}

/// The newest first.
pub(crate) async fn page(db: &impl ConnectionTrait, page: &Page) -> Result<Rows<Model>> {
    Keyset::new([(Column::UploadedAt, true)], Column::Id).page(db, Entity::find(), page).await
}

pub(crate) async fn count(db: &impl ConnectionTrait) -> Result<u64> {
    Ok(Entity::find().count(db).await?)
}
