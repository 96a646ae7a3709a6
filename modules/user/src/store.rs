//! Every query of the module, and nothing but queries.

use crate::{
    AddressId, NewAddress,
    entity::{address, login_attempts, refresh_token, session, user},
};
use kernel::{
    Fault, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db, now,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait, Set,
    sea_query::{CaseStatement, Expr, LikeExpr, OnConflict},
};

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn user(db: &impl ConnectionTrait, id: UserId) -> Result<Option<user::Model>> {
    Ok(user::Entity::find_by_id(id.0).one(db).await?)
}

/// The user, and nobody else changes what belongs to the user until the transaction ends. (SQLite has one writer and ignores the
/// lock.)
pub(crate) async fn lock_user(db: &impl ConnectionTrait, id: i64) -> Result<Option<user::Model>> {
    Ok(user::Entity::find_by_id(id).lock_exclusive().one(db).await?)
}

/// `email` as it is stored.
pub(crate) async fn user_by_email(db: &impl ConnectionTrait, email: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email)).one(db).await?)
}

pub(crate) async fn has_users(db: &impl ConnectionTrait) -> Result<bool> {
    Ok(user::Entity::find().one(db).await?.is_some())
}

/// `None` when the e-mail address has an account.
pub(crate) async fn insert_user(db: &impl ConnectionTrait, row: user::ActiveModel) -> Result<Option<user::Model>> {
    match row.insert(db).await {
        Ok(user) => Ok(Some(user)),
        Err(e) if db::is_duplicate(&e) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Writes the set values of `row` to the user.
pub(crate) async fn update_user(db: &impl ConnectionTrait, id: UserId, row: user::ActiveModel) -> Result<Option<user::Model>> {
    let row = user::ActiveModel { updated_at: Set(now()), ..row };
    let update = user::Entity::update_many().set(row).col_expr(user::Column::Version, Expr::col(user::Column::Version).add(1));
    let changed = update.filter(user::Column::Id.eq(id.0)).exec_with_returning(db).await?;
    Ok(changed.into_iter().next())
}

/// Users whose e-mail address contains the text.
pub(crate) fn with_email(text: Option<&str>) -> Condition {
    let like = text.map(|text| {
        let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        Expr::col(user::Column::Email).like(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
    });
    Condition::all().add_option(like)
}

pub(crate) async fn page(db: &impl ConnectionTrait, filter: &Condition, offset: u64, limit: u64) -> Result<Vec<user::Model>> {
    let find = user::Entity::find().filter(filter.clone()).order_by_asc(user::Column::Id);
    Ok(find.offset(offset).limit(limit).all(db).await?)
}

pub(crate) async fn count(db: &impl ConnectionTrait, filter: &Condition) -> Result<u64> {
    Ok(user::Entity::find().filter(filter.clone()).count(db).await?)
}

pub(crate) async fn addresses(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<address::Model>> {
    let find = address::Entity::find().filter(address::Column::UserId.eq(user.0));
    Ok(find.order_by_asc(address::Column::Id).all(db).await?)
}

pub(crate) async fn count_addresses(db: &impl ConnectionTrait, user: UserId) -> Result<u64> {
    Ok(address::Entity::find().filter(address::Column::UserId.eq(user.0)).count(db).await?)
}

pub(crate) async fn insert_address(
    db: &impl ConnectionTrait,
    user: UserId,
    new: NewAddress,
    is_default: bool,
) -> Result<address::Model> {
    let row = address::ActiveModel { user_id: Set(user.0), is_default: Set(is_default), ..address_row(&new) };
    Ok(row.insert(db).await?)
}

/// Writes everything but `is_default`; `None` when the user has no such address.
pub(crate) async fn update_address(
    db: &impl ConnectionTrait,
    user: UserId,
    id: AddressId,
    change: &NewAddress,
) -> Result<Option<address::Model>> {
    let changed = address::Entity::update_many()
        .set(address_row(change))
        .filter(address::Column::Id.eq(id.0))
        .filter(address::Column::UserId.eq(user.0))
        .exec_with_returning(db)
        .await?;
    Ok(changed.into_iter().next())
}

fn address_row(new: &NewAddress) -> address::ActiveModel {
    let line = |text: &str| Set(text.trim().to_owned());
    address::ActiveModel {
        street_address: line(&new.street_address),
        city: line(&new.city),
        state: line(&new.state),
        postal_code: line(&new.postal_code),
        country: line(&new.country),
        ..Default::default()
    }
}

/// Makes an address the only default of its user.
pub(crate) async fn set_default(db: &impl ConnectionTrait, user: UserId, id: i64) -> Result<()> {
    address::Entity::update_many()
        .col_expr(address::Column::IsDefault, Expr::col(address::Column::Id).eq(id))
        .filter(address::Column::UserId.eq(user.0))
        .exec(db)
        .await?;
    Ok(())
}

/// The address that was deleted, if the user had it.
pub(crate) async fn delete_address(db: &impl ConnectionTrait, user: UserId, id: AddressId) -> Result<Option<address::Model>> {
    let deleted = address::Entity::delete_many()
        .filter(address::Column::Id.eq(id.0))
        .filter(address::Column::UserId.eq(user.0))
        .exec_with_returning(db)
        .await?;
    Ok(deleted.into_iter().next())
}

/// A new session with its first refresh token.
pub(crate) async fn insert_session(db: &impl ConnectionTrait, session: session::Model, token_hash: String) -> Result<()> {
    let id = session.id.clone();
    session::Entity::insert(session.into_active_model()).exec_without_returning(db).await?;
    insert_refresh_token(db, id, token_hash).await
}

pub(crate) async fn insert_refresh_token(db: &impl ConnectionTrait, session_id: String, hash: String) -> Result<()> {
    let row = refresh_token::Model { hash, session_id, used_at: None };
    refresh_token::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Uses a refresh token up, in one conditional write; `None` when there is no such token that was not used yet.
pub(crate) async fn use_refresh_token(db: &impl ConnectionTrait, hash: &str) -> Result<Option<refresh_token::Model>> {
    let used = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, Expr::value(now()))
        .filter(refresh_token::Column::Hash.eq(hash))
        .filter(refresh_token::Column::UsedAt.is_null())
        .exec_with_returning(db)
        .await?;
    Ok(used.into_iter().next())
}

/// A session that has neither ended nor expired.
pub(crate) async fn live_session(db: &impl ConnectionTrait, id: &str) -> Result<Option<session::Model>> {
    let find = session::Entity::find_by_id(id).filter(session::Column::RevokedAt.is_null());
    Ok(find.filter(session::Column::ExpiresAt.gt(now())).one(db).await?)
}

/// Ends the session of a refresh token, used or not; `false` when there is none that goes on.
pub(crate) async fn end_session(db: &impl ConnectionTrait, token_hash: &str) -> Result<bool> {
    let session = refresh_token::Entity::find()
        .select_only()
        .column(refresh_token::Column::SessionId)
        .filter(refresh_token::Column::Hash.eq(token_hash));
    Ok(end_sessions(db, session::Column::Id.in_subquery(session.into_query())).await? > 0)
}

/// Ends all sessions of a user.
pub(crate) async fn end_sessions_of(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    end_sessions(db, session::Column::UserId.eq(user.0)).await.map(drop)
}

async fn end_sessions(db: &impl ConnectionTrait, which: Expr) -> Result<u64> {
    let ended = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(now()))
        .filter(which)
        .filter(session::Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(ended.rows_affected)
}

/// Ids of the sessions that were ended at `since` or later.
pub(crate) async fn ended_since(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<Vec<String>> {
    let find = session::Entity::find().select_only().column(session::Column::Id);
    Ok(find.filter(session::Column::RevokedAt.gte(since)).into_tuple().all(db).await?)
}

/// Removes sessions that expired before `time`, and their refresh tokens.
pub(crate) async fn sweep_sessions(db: &impl ConnectionTrait, time: DateTime<Utc>) -> Result<()> {
    let old = session::Entity::find().select_only().column(session::Column::Id).filter(session::Column::ExpiresAt.lt(time));
    let tokens = refresh_token::Column::SessionId.in_subquery(old.into_query());
    refresh_token::Entity::delete_many().filter(tokens).exec(db).await?;
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(time)).exec(db).await?;
    Ok(())
}

/// Counts one more attempt, in one write whether or not there were any; counting begins again when the first one is older than
/// `window`.
pub(crate) async fn count_attempt(
    db: &impl ConnectionTrait,
    email_hash: String,
    window: TimeDelta,
) -> Result<login_attempts::Model> {
    use login_attempts::{Column, Entity};
    let now = now();
    let is_over = || Expr::col((Entity, Column::Since)).lte(now - window);
    let one_more = CaseStatement::new().case(is_over(), 1_i64).finally(Expr::col((Entity, Column::Attempts)).add(1_i64));
    let since = CaseStatement::new().case(is_over(), now).finally(Expr::col((Entity, Column::Since)));
    let row = login_attempts::Model { email_hash, attempts: 1, since: now };
    let on_conflict =
        OnConflict::column(Column::EmailHash).value(Column::Attempts, one_more).value(Column::Since, since).to_owned();
    Ok(Entity::insert(row.into_active_model()).on_conflict(on_conflict).exec_with_returning(db).await?)
}

pub(crate) async fn forget_attempts(db: &impl ConnectionTrait, email_hash: &str) -> Result<()> {
    login_attempts::Entity::delete_by_id(email_hash).exec(db).await?;
    Ok(())
}

/// Removes counters that began before `time`.
pub(crate) async fn sweep_attempts(db: &impl ConnectionTrait, time: DateTime<Utc>) -> Result<()> {
    login_attempts::Entity::delete_many().filter(login_attempts::Column::Since.lt(time)).exec(db).await?;
    Ok(())
}
