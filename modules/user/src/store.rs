//! All queries of the module.

use crate::{
    AddressId, NewAddress,
    entity::{address, email_confirmation, login_attempts, refresh_token, session, user},
};
use kernel::{
    Fault, Page, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::like,
    now,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::NotSet,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set, TryInsertResult,
    sea_query::{CaseStatement, Expr, Func, OnConflict},
};

pub(crate) mod checks;
mod fingerprint;

pub(crate) use fingerprint::fingerprint;

type Result<T> = std::result::Result<T, Fault>;

pub(crate) async fn user(db: &impl ConnectionTrait, id: UserId) -> Result<Option<user::Model>> {
    Ok(user::Entity::find_by_id(id.0).one(db).await?)
}

/// The user, locked: no other transaction changes rows of the user until this one ends. (SQLite has one writer and ignores the
/// lock.)
pub(crate) async fn lock_user(db: &impl ConnectionTrait, id: i64) -> Result<Option<user::Model>> {
    Ok(user::Entity::find_by_id(id).lock_exclusive().one(db).await?)
}

/// The existing ones of two users, locked as by [`lock_user`]: in the order of their ids, so that two transactions never wait for
/// each other.
pub(crate) async fn lock_users(db: &impl ConnectionTrait, ids: [i64; 2]) -> Result<Vec<user::Model>> {
    let find = user::Entity::find().filter(user::Column::Id.is_in(ids)).order_by_asc(user::Column::Id);
    Ok(find.lock_exclusive().all(db).await?)
}

/// The value of the column `email` for an address.
fn email_key(address: &str) -> String {
    /// The length of the column; its migration says why it cannot be longer.
    const LONGEST: usize = 120;
    if address.chars().count() <= LONGEST { address.to_owned() } else { fingerprint(address) }
}

/// The user of an address, which must be in its normal form.
pub(crate) async fn user_by_email(db: &impl ConnectionTrait, address: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email_key(address))).one(db).await?)
}

/// The user, locked as by [`lock_user`], if the password has not changed since `read`.
pub(crate) async fn lock_user_with_password(db: &impl ConnectionTrait, read: &user::Model) -> Result<Option<user::Model>> {
    Ok(lock_user(db, read.id).await?.filter(|user| user.password_hash == read.password_hash))
}

/// As [`user_by_email`], locked as by [`lock_user`].
pub(crate) async fn lock_user_by_email(db: &impl ConnectionTrait, address: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email_key(address))).lock_exclusive().one(db).await?)
}

pub(crate) async fn has_users(db: &impl ConnectionTrait) -> Result<bool> {
    Ok(user::Entity::find().one(db).await?.is_some())
}

/// A new, active account.
pub(crate) struct NewUser {
    /// E-mail address in its normal form.
    pub(crate) email: String,
    pub(crate) password_hash: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) phone: Option<String>,
    pub(crate) is_admin: bool,
    pub(crate) email_confirmed_at: Option<DateTime<Utc>>,
}

/// Inserts a user; `None` when the e-mail address has an account.
pub(crate) async fn insert_user(db: &impl ConnectionTrait, new: NewUser) -> Result<Option<user::Model>> {
    let (email, now) = (email_key(&new.email), now());
    let row = user::ActiveModel {
        long_email: Set(Some(new.email).filter(|address| *address != email)),
        email: Set(email),
        password_hash: Set(new.password_hash),
        first_name: Set(new.first_name),
        last_name: Set(new.last_name),
        phone: Set(new.phone),
        is_active: Set(true),
        is_admin: Set(new.is_admin),
        email_confirmed_at: Set(new.email_confirmed_at),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    // no error of the database, which would abort the transaction
    let insert = user::Entity::insert(row).on_conflict_do_nothing_on([user::Column::Email]);
    match insert.exec_with_returning_many(db).await? {
        TryInsertResult::Inserted(users) => Ok(users.into_iter().next()),
        TryInsertResult::Conflicted | TryInsertResult::Empty => Ok(None),
    }
}

/// A change of a profile; `None` keeps a value.
pub(crate) struct ProfileUpdate {
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) phone: Option<Option<String>>,
}

pub(crate) async fn update_profile(db: &impl ConnectionTrait, id: UserId, change: ProfileUpdate) -> Result<Option<user::Model>> {
    let row = user::ActiveModel {
        first_name: change.first_name.map_or(NotSet, Set),
        last_name: change.last_name.map_or(NotSet, Set),
        phone: change.phone.map_or(NotSet, Set),
        ..Default::default()
    };
    update_user(db, id, row).await
}

pub(crate) async fn set_password(db: &impl ConnectionTrait, id: UserId, hash: String) -> Result<Option<user::Model>> {
    update_user(db, id, user::ActiveModel { password_hash: Set(hash), ..Default::default() }).await
}

pub(crate) async fn set_access(
    db: &impl ConnectionTrait,
    id: UserId,
    is_active: bool,
    is_admin: bool,
) -> Result<Option<user::Model>> {
    let row = user::ActiveModel { is_active: Set(is_active), is_admin: Set(is_admin), ..Default::default() };
    update_user(db, id, row).await
}

pub(crate) async fn confirm_email(db: &impl ConnectionTrait, id: UserId, at: DateTime<Utc>) -> Result<Option<user::Model>> {
    update_user(db, id, user::ActiveModel { email_confirmed_at: Set(Some(at)), ..Default::default() }).await
}

/// Gives the account of another user to an admin, with a new password.
pub(crate) async fn make_admin(
    db: &impl ConnectionTrait,
    id: UserId,
    password_hash: String,
    email_confirmed_at: DateTime<Utc>,
) -> Result<Option<user::Model>> {
    let row = user::ActiveModel {
        password_hash: Set(password_hash),
        is_active: Set(true),
        is_admin: Set(true),
        email_confirmed_at: Set(Some(email_confirmed_at)),
        ..Default::default()
    };
    update_user(db, id, row).await
}

/// Deactivates an account and replaces its e-mail address with a short placeholder.
pub(crate) async fn close_user(db: &impl ConnectionTrait, id: UserId, placeholder: String) -> Result<Option<user::Model>> {
    let row = user::ActiveModel {
        email: Set(placeholder),
        long_email: Set(None),
        is_active: Set(false),
        is_admin: Set(false),
        ..Default::default()
    };
    update_user(db, id, row).await
}

/// Updates the columns that are set in `row`.
async fn update_user(db: &impl ConnectionTrait, id: UserId, row: user::ActiveModel) -> Result<Option<user::Model>> {
    let row = user::ActiveModel { updated_at: Set(now()), ..row };
    let update = user::Entity::update_many().set(row).col_expr(user::Column::Version, Expr::col(user::Column::Version).add(1));
    let changed = update.filter(user::Column::Id.eq(id.0)).exec_with_returning(db).await?;
    Ok(changed.into_iter().next())
}

/// Users whose e-mail address contains the text, which must be in lower case.
pub(crate) fn with_email(text: Option<&str>) -> Condition {
    let contains = text.map(|text| {
        let address = Func::coalesce([Expr::col(user::Column::LongEmail), Expr::col(user::Column::Email)]);
        Expr::expr(address).like(like("%", text, "%"))
    });
    Condition::all().add_option(contains)
}

pub(crate) async fn page(db: &impl ConnectionTrait, filter: &Condition, page: &Page) -> Result<Vec<user::Model>> {
    let find = user::Entity::find().filter(filter.clone()).order_by_asc(user::Column::Id);
    Ok(find.offset(page.offset()).limit(u64::from(page.per_page())).all(db).await?)
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

/// Updates all columns but `is_default`; `None` when the user has no such address.
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
    let line = |text: &str| Set(text.to_owned());
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

/// Deletes an address and returns it; `None` when the user has no such address.
pub(crate) async fn delete_address(db: &impl ConnectionTrait, user: UserId, id: AddressId) -> Result<Option<address::Model>> {
    let deleted = address::Entity::delete_many()
        .filter(address::Column::Id.eq(id.0))
        .filter(address::Column::UserId.eq(user.0))
        .exec_with_returning(db)
        .await?;
    Ok(deleted.into_iter().next())
}

/// Inserts a session with its first refresh token.
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

/// Marks a refresh token as used, in one conditional write; `None` when there is no such unused token.
pub(crate) async fn use_refresh_token(
    db: &impl ConnectionTrait,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<refresh_token::Model>> {
    let used = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::UsedAt, Expr::value(now))
        .filter(refresh_token::Column::Hash.eq(hash))
        .filter(refresh_token::Column::UsedAt.is_null())
        .exec_with_returning(db)
        .await?;
    Ok(used.into_iter().next())
}

/// A session that has neither ended nor expired.
pub(crate) async fn live_session(db: &impl ConnectionTrait, id: &str, now: DateTime<Utc>) -> Result<Option<session::Model>> {
    let find = session::Entity::find_by_id(id).filter(session::Column::RevokedAt.is_null());
    Ok(find.filter(session::Column::ExpiresAt.gt(now)).one(db).await?)
}

/// Ends the session of a refresh token, used or not, and returns its user; `None` when no active session has the token.
pub(crate) async fn end_session(db: &impl ConnectionTrait, token_hash: &str, now: DateTime<Utc>) -> Result<Option<i64>> {
    let session = refresh_token::Entity::find()
        .select_only()
        .column(refresh_token::Column::SessionId)
        .filter(refresh_token::Column::Hash.eq(token_hash));
    let ended = end_sessions(db, session::Column::Id.in_subquery(session.into_query()), now).await?;
    Ok(ended.into_iter().next().map(|session| session.user_id))
}

/// Ends all sessions of a user.
pub(crate) async fn end_sessions_of(db: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<()> {
    end_sessions(db, session::Column::UserId.eq(user.0), now).await.map(drop)
}

/// Gateways poll by `now`: it must be of the clock that all instances share, or they would miss sessions.
async fn end_sessions(db: &impl ConnectionTrait, which: Expr, now: DateTime<Utc>) -> Result<Vec<session::Model>> {
    let end = session::Entity::update_many().col_expr(session::Column::RevokedAt, Expr::value(now));
    Ok(end.filter(which).filter(session::Column::RevokedAt.is_null()).exec_with_returning(db).await?)
}

/// Whether the user has logged in or renewed a session after `time`.
pub(crate) async fn was_used_since(db: &impl ConnectionTrait, user: i64, time: DateTime<Utc>) -> Result<bool> {
    let of_user = || session::Entity::find().filter(session::Column::UserId.eq(user));
    let renewed = refresh_token::Entity::find()
        .select_only()
        .column(refresh_token::Column::SessionId)
        .filter(refresh_token::Column::UsedAt.gt(time))
        .filter(refresh_token::Column::SessionId.in_subquery(of_user().select_only().column(session::Column::Id).into_query()));
    let used = session::Column::CreatedAt.gt(time).or(session::Column::Id.in_subquery(renewed.into_query()));
    Ok(of_user().filter(used).one(db).await?.is_some())
}

/// Stores the token that confirms the user's address, in place of the previous one.
pub(crate) async fn put_confirmation(db: &impl ConnectionTrait, row: email_confirmation::Model) -> Result<()> {
    use email_confirmation::{Column, Entity};
    let replace = OnConflict::column(Column::UserId).update_columns([Column::TokenHash, Column::ExpiresAt]).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// The confirmation of a token.
pub(crate) async fn confirmation(db: &impl ConnectionTrait, token_hash: &str) -> Result<Option<email_confirmation::Model>> {
    Ok(email_confirmation::Entity::find().filter(email_confirmation::Column::TokenHash.eq(token_hash)).one(db).await?)
}

/// The last confirmation of a user.
pub(crate) async fn confirmation_of(db: &impl ConnectionTrait, user: i64) -> Result<Option<email_confirmation::Model>> {
    Ok(email_confirmation::Entity::find_by_id(user).one(db).await?)
}

pub(crate) async fn delete_confirmation(db: &impl ConnectionTrait, user: i64) -> Result<()> {
    email_confirmation::Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}

/// Removes the tokens of confirmed addresses that expired before `time`. The others are kept: they tell how long an address has
/// been unconfirmed.
pub(crate) async fn sweep_confirmations(db: &impl ConnectionTrait, time: DateTime<Utc>) -> Result<()> {
    let confirmed =
        user::Entity::find().select_only().column(user::Column::Id).filter(user::Column::EmailConfirmedAt.is_not_null());
    email_confirmation::Entity::delete_many()
        .filter(email_confirmation::Column::ExpiresAt.lt(time))
        .filter(email_confirmation::Column::UserId.in_subquery(confirmed.into_query()))
        .exec(db)
        .await?;
    Ok(())
}

/// Ids of the sessions that ended at `since` or later.
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

/// Counts an attempt in one write. Counting restarts when the first attempt is older than `window`.
pub(crate) async fn count_attempt(
    db: &impl ConnectionTrait,
    email_hash: String,
    window: TimeDelta,
    now: DateTime<Utc>,
) -> Result<login_attempts::Model> {
    use login_attempts::{Column, Entity};
    let is_over = || Expr::col((Entity, Column::Since)).lte(now - window);
    let one_more = CaseStatement::new().case(is_over(), 1_i64).finally(Expr::col((Entity, Column::Attempts)).add(1_i64));
    let since = CaseStatement::new().case(is_over(), now).finally(Expr::col((Entity, Column::Since)));
    let row = login_attempts::Model { email_hash, attempts: 1, since: now };
    let on_conflict =
        OnConflict::column(Column::EmailHash).value(Column::Attempts, one_more).value(Column::Since, since).to_owned();
    Ok(Entity::insert(row.into_active_model()).on_conflict(on_conflict).exec_with_returning(db).await?)
}

pub(crate) async fn reset_attempts(db: &impl ConnectionTrait, email_hash: &str) -> Result<()> {
    login_attempts::Entity::delete_by_id(email_hash).exec(db).await?;
    Ok(())
}

/// Removes counters that began before `time`.
pub(crate) async fn sweep_attempts(db: &impl ConnectionTrait, time: DateTime<Utc>) -> Result<()> {
    login_attempts::Entity::delete_many().filter(login_attempts::Column::Since.lt(time)).exec(db).await?;
    Ok(())
}
