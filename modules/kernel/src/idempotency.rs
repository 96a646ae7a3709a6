//! Idempotency keys (draft-ietf-httpapi-idempotency-key-header-07), kept beside the data that they protect.
//!
//! The key, a hash of the request and the reply are rows of the module's own database, written in the transaction of the work. So
//! the key and the work cannot disagree: either both happened or neither.

use crate::{Code, Ctx, Fault, Op, Principal, db::Tx, now};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set, TryInsertResult,
    UpdateMany,
    entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EnumIter, PrimaryKeyTrait,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// How long a key is kept after its first use.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long work under a key is believed to be running; longer than any deadline.
const LEASE: TimeDelta = TimeDelta::seconds(90);

/// The row of a key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Who used it, for which operation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: String,
    /// The reply as JSON; none while the work runs.
    #[sea_orm(column_type = "Text", nullable)]
    pub reply: Option<String>,
    /// When the work under it began.
    pub started_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
#[expect(missing_docs, reason = "sea-orm wants it public; there are no relations")]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A key in use: what a store without tables keeps beside its own data, in the same step as the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Who uses it, for which operation: keys of different scopes do not meet.
    pub scope: String,
    /// The key.
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: String,
}

impl Used {
    /// The caller's key, if there is one.
    ///
    /// # Errors
    /// `internal` when the request cannot be written as JSON.
    pub fn by(cx: &Ctx, op: &Op, request: &impl Serialize) -> Result<Option<Self>, Fault> {
        let Some(key) = cx.idempotency_key() else { return Ok(None) };
        Ok(Some(Self { scope: scope(cx, op), key: key.into(), request_hash: hash(request)? }))
    }

    /// Checks that the request is the one that used the key before, whose hash this is.
    ///
    /// # Errors
    /// `unprocessable` when it is another.
    pub fn is_for(&self, request_hash: &str) -> Result<(), Fault> {
        match self.request_hash == request_hash {
            true => Ok(()),
            false => Err(Fault::new(Code::Unprocessable, "This Idempotency-Key was used for another request")),
        }
    }
}

/// Begins work under the caller's key, if there is one. `Some` is the reply of the work, which was done before: answer it and do
/// nothing (`cx` is marked). After `None` do the work, then call [`finish`] in the transaction that completes it.
///
/// # Errors
/// `unprocessable` when the key was used for another request, `conflict` while the first request with it is running.
pub async fn begin<T: DeserializeOwned>(tx: &Tx, cx: &Ctx, op: &Op, request: &impl Serialize) -> Result<Option<T>, Fault> {
    let Some(used) = Used::by(cx, op, request)? else { return Ok(None) };
    let now = now();
    let Used { scope, key, request_hash } = used.clone();
    let row = Model { scope, key, request_hash, reply: None, started_at: now };
    let inserted = Entity::insert(row.into_active_model()).on_conflict_do_nothing().exec_without_returning(&**tx).await?;
    if matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok(None);
    }
    let found = Entity::find_by_id((used.scope.clone(), used.key.clone())).one(&**tx).await?;
    let found = found.ok_or_else(|| Fault::internal("an idempotency key vanished"))?;
    used.is_for(&found.request_hash)?;
    match found.reply {
        Some(reply) => {
            cx.mark_replayed();
            serde_json::from_str(&reply).map(Some).map_err(Fault::internal)
        }
        None if found.started_at + LEASE > now => {
            Err(Fault::new(Code::Conflict, "A request with this Idempotency-Key is still running").retry_after(1))
        }
        None => {
            // whoever ran it is gone
            let mut row = found.into_active_model();
            row.started_at = Set(now);
            row.update(&**tx).await?;
            Ok(None)
        }
    }
}

/// Stores the reply under the caller's key, if there is one.
///
/// # Errors
/// When the store fails; then the work must not be committed.
pub async fn finish(tx: &Tx, cx: &Ctx, op: &Op, reply: &impl Serialize) -> Result<(), Fault> {
    let Some(key) = cx.idempotency_key() else { return Ok(()) };
    let reply = serde_json::to_string(reply).map_err(Fault::internal)?;
    let row = ActiveModel { reply: Set(Some(reply)), ..Default::default() };
    of(cx, op, key, row).exec(&**tx).await?;
    Ok(())
}

/// Lets the next caller with the key take the work over at once: whoever did it so far does not know how it ended.
///
/// # Errors
/// When the store fails.
pub async fn let_go(tx: &Tx, cx: &Ctx, op: &Op) -> Result<(), Fault> {
    if let Some(key) = cx.idempotency_key() {
        let row = ActiveModel { started_at: Set(now() - LEASE), ..Default::default() };
        of(cx, op, key, row).exec(&**tx).await?;
    }
    Ok(())
}

fn of(cx: &Ctx, op: &Op, key: &str, change: ActiveModel) -> UpdateMany<Entity> {
    let row = Condition::all().add(Column::Scope.eq(scope(cx, op))).add(Column::Key.eq(key));
    Entity::update_many().set(change).filter(row)
}

/// Forgets the caller's key: the work under it did not happen, and may be tried again.
///
/// # Errors
/// When the store fails.
pub async fn abandon(tx: &Tx, cx: &Ctx, op: &Op) -> Result<(), Fault> {
    if let Some(key) = cx.idempotency_key() {
        Entity::delete_by_id((scope(cx, op), key.to_owned())).exec(&**tx).await?;
    }
    Ok(())
}

/// Removes keys that are older than a day.
///
/// # Errors
/// When the store fails.
pub async fn sweep(db: &impl ConnectionTrait) -> Result<(), Fault> {
    let oldest: DateTime<Utc> = now() - KEPT;
    Entity::delete_many().filter(Column::StartedAt.lt(oldest)).exec(db).await?;
    Ok(())
}

/// Keys of one caller and one operation do not meet those of another.
fn scope(cx: &Ctx, op: &Op) -> String {
    match cx.principal() {
        Principal::User { id, .. } => format!("{} user {id}", op.id),
        Principal::Anonymous => format!("{} module {}", op.id, cx.caller().unwrap_or_default()),
    }
}

fn hash(request: &impl Serialize) -> Result<String, Fault> {
    use std::fmt::Write;
    let json = serde_json::to_vec(request).map_err(Fault::internal)?;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(&json) {
        write!(hex, "{byte:02x}").map_err(Fault::internal)?;
    }
    Ok(hex)
}
