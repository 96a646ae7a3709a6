//! Queries of imports, and of the files that are to be imported.

use crate::{
    ImportId,
    entity::{
        import::{self, Column, Entity, Model, State},
        import_chunk,
    },
};
use kernel::{
    Fault, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    sweep,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set, sea_query::Expr,
};

type Result<T> = std::result::Result<T, Fault>;

/// What an import does beside changing products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Only check the file.
    pub dry_run: bool,
    /// Set the stock of variants that exist, too: by movements with the cause `counted`.
    pub set_stock: bool,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Rows of the file; those that were found so far, until all were checked.
    pub rows: u64,
    /// Rows that were checked; then those that were imported.
    pub done: u64,
    /// Products that were added, or would be by the end of a dry run.
    pub added: u64,
    /// Products that were changed, or would be by the end of a dry run.
    pub changed: u64,
    /// Products that were as the file has them.
    pub unchanged: u64,
    /// How much is wrong in the file. If anything is, nothing is imported.
    pub wrong: u64,
}

/// How long an instance has an import that gives no sign.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Begins to receive a file.
pub(crate) async fn begin(
    db: &impl ConnectionTrait,
    options: ImportOptions,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<ImportId> {
    let row = import::ActiveModel {
        state: Set(State::Receiving),
        dry_run: Set(options.dry_run),
        set_stock: Set(options.set_stock),
        user_id: Set(Some(user.0)),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(ImportId(row.insert(db).await?.id))
}

/// Adds a piece of the file.
pub(crate) async fn add_chunk(db: &impl ConnectionTrait, id: ImportId, number: i64, content: Vec<u8>) -> Result<()> {
    let row = import_chunk::Model { import_id: id.0, number, content };
    import_chunk::Entity::insert_many([row.into_active_model()]).exec_without_returning(db).await?;
    Ok(())
}

/// A piece of the file; empty after the last one.
pub(crate) async fn chunk(db: &impl ConnectionTrait, id: ImportId, number: i64) -> Result<Vec<u8>> {
    let chunk = import_chunk::Entity::find_by_id((id.0, number)).one(db).await?;
    Ok(chunk.map(|chunk| chunk.content).unwrap_or_default())
}

/// The file is here.
pub(crate) async fn queue(db: &impl ConnectionTrait, id: ImportId) -> Result<()> {
    Entity::update_many().col_expr(Column::State, Expr::value(State::Queued)).filter(Column::Id.eq(id.0)).exec(db).await?;
    Ok(())
}

/// Forgets an import whose file did not come whole.
pub(crate) async fn forget(db: &impl ConnectionTrait, id: ImportId) -> Result<()> {
    delete_chunks(db, id).await?;
    Entity::delete_by_id(id.0).exec(db).await?;
    Ok(())
}

async fn delete_chunks(db: &impl ConnectionTrait, id: ImportId) -> Result<()> {
    import_chunk::Entity::delete_many().filter(import_chunk::Column::ImportId.eq(id.0)).exec(db).await?;
    Ok(())
}

/// An import whose file is here.
pub(crate) async fn one(db: &impl ConnectionTrait, id: ImportId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id.0).filter(Column::State.ne(State::Receiving)).one(db).await?)
}

/// Takes the first import that waits, or that another instance had and gives no sign of; `None` when there is none. Until it is released
/// it counts as one that broke off.
pub(crate) async fn take(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Option<Model>> {
    let waiting = Entity::find()
        .filter(Column::FinishedAt.is_null())
        .filter(Column::State.ne(State::Receiving))
        .filter(Column::LeasedUntil.is_null().or(Column::LeasedUntil.lt(now)));
    let Some(next) = waiting.order_by_asc(Column::Id).one(db).await? else { return Ok(None) };
    let taken = Entity::update_many()
        .col_expr(Column::Lease, Expr::value(next.lease + 1))
        .col_expr(Column::LeasedUntil, Expr::value(now + LEASE))
        .col_expr(Column::Failures, Expr::value(next.failures + 1))
        .filter(Column::Id.eq(next.id))
        .filter(Column::Lease.eq(next.lease))
        .exec_with_returning(db)
        .await?;
    Ok(taken.into_iter().next())
}

/// That it is still the import that was taken.
fn is_taken(import: &Model) -> Expr {
    Column::Id.eq(import.id).and(Column::Lease.eq(import.lease)).and(Column::FinishedAt.is_null())
}

fn number(count: u64) -> Expr {
    Expr::value(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Notes how far an import is, and keeps it; `false` when it was taken by another instance.
pub(crate) async fn reached(
    db: &impl ConnectionTrait,
    import: &Model,
    state: State,
    counts: ImportCounts,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::LeasedUntil, Expr::value(now + LEASE))
        .col_expr(Column::Rows, number(counts.rows))
        .col_expr(Column::Done, number(counts.done))
        .col_expr(Column::Added, number(counts.added))
        .col_expr(Column::Changed, number(counts.changed))
        .col_expr(Column::Unchanged, number(counts.unchanged))
        .col_expr(Column::Wrong, number(counts.wrong))
        .filter(is_taken(import))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Gives an import back, to be taken from `at` on; `has_failed` says whether it broke off.
pub(crate) async fn release(db: &impl ConnectionTrait, import: &Model, at: DateTime<Utc>, has_failed: bool) -> Result<()> {
    let failures = if has_failed { import.failures } else { import.failures - 1 };
    Entity::update_many()
        .col_expr(Column::LeasedUntil, Expr::value(at))
        .col_expr(Column::Failures, Expr::value(failures))
        .filter(is_taken(import))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends an import, and removes its file. It must be in a transaction.
pub(crate) async fn finish(
    db: &impl ConnectionTrait,
    import: &Model,
    state: State,
    wrong_rows: String,
    message: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::WrongRows, Expr::value(wrong_rows))
        .col_expr(Column::Message, Expr::value(message))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(is_taken(import))
        .exec(db)
        .await?;
    if done.rows_affected == 1 { delete_chunks(db, ImportId(import.id)).await } else { Ok(()) }
}

/// Removes imports that ended long ago, and files that did not come whole.
pub(crate) async fn sweep(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<()> {
    let ended = Column::CreatedAt.lt(now - TimeDelta::days(30)).and(Column::FinishedAt.is_not_null());
    let abandoned = Column::CreatedAt.lt(now - TimeDelta::hours(2)).and(Column::State.eq(State::Receiving));
    let old = ended.or(abandoned);
    let which = Entity::find().select_only().column(Column::Id).filter(old.clone()).into_query();
    sweep::in_batches::<import_chunk::Entity>(db, import_chunk::Column::ImportId.in_subquery(which)).await?;
    sweep::in_batches::<Entity>(db, old).await?;
    Ok(())
}
