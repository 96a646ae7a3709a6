//! Idempotency keys (draft-ietf-httpapi-idempotency-key-header-07), kept beside the data that they protect.
//!
//! The key, a hash of the request and the answer are rows of the module's own database, written in the transaction of the work.
//! So the key and the work cannot disagree: either both happened or neither.
//!
//! Work that takes several transactions holds its key in between, on a lease. When its process dies, the lease ends, and the next
//! request with the key, or a job, takes the work over. The start of the lease is a fence: every change of the row names it, so
//! that a holder that was taken for dead and wakes up late cannot write any more.

mod schema;

pub use schema::{add_problem, create_table};

use crate::{
    ApiError, Code, Ctx, Fault, Op, Principal, Problem,
    ctx::MAX_DEADLINE,
    db::{Db, Tx},
    jobs::Jobs,
};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, TryInsertResult,
    entity::prelude::{
        ActiveModelBehavior, DateTimeUtc, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EnumIter, PrimaryKeyTrait,
    },
    sea_query::Expr,
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long a key is kept after its first use.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long a holder keeps its key without a word: longer than any deadline.
pub const LEASE: TimeDelta = TimeDelta::seconds(MAX_DEADLINE.as_secs() as i64 + 30);

/// The row of a key.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// The caller and the operation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: String,
    /// The reply as JSON; none while the work runs, and when it was refused.
    #[sea_orm(column_type = "Text", nullable)]
    pub reply: Option<String>,
    /// The [`Problem`] as JSON with which the work was refused for good. The release before ignores it, and does the work again.
    #[sea_orm(column_type = "Text", nullable)]
    pub problem: Option<String>,
    /// When the current holder began: the start of its lease.
    pub started_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
#[expect(missing_docs, reason = "sea-orm wants it public; there are no relations")]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A key in use. A store without tables keeps it beside its own data, in the same step as the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The caller and the operation: keys of different scopes do not meet.
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
    pub fn of(cx: &Ctx, op: &Op, request: &impl Serialize) -> Result<Option<Self>, Fault> {
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

/// The start of a request under a key.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, and most often holds the larger")]
pub enum Begun<T, E> {
    /// There is no work: this is the earlier answer. The context is marked.
    Before(Result<T, E>),
    /// The work is to be done, in this transaction, or from it on.
    Now(Tx, Held),
}

/// Begins work, under the caller's key if there is one: in a new transaction, which is to be committed before anything is done
/// outside it. The work ends with [`Held::finish`] or another method of [`Held`], in the transaction that completes it.
///
/// # Errors
/// `unprocessable` when the key was used for another request, `conflict` while a request with it is running.
pub async fn begin<T, E>(db: &Db, cx: &Ctx, op: &Op, request: &impl Serialize) -> Result<Begun<T, E>, Fault>
where
    T: DeserializeOwned,
    E: ApiError,
{
    let used = Used::of(cx, op, request)?;
    let tx = db.begin().await?;
    let Some(used) = used else { return Ok(Begun::Now(tx, Held::nothing())) };
    let now = now(db);
    let held = Key { scope: used.scope.clone(), key: used.key.clone(), since: now };
    let row = Model {
        scope: used.scope.clone(),
        key: used.key.clone(),
        request_hash: used.request_hash.clone(),
        reply: None,
        problem: None,
        started_at: now,
    };
    let inserted = Entity::insert(row.into_active_model()).on_conflict_do_nothing().exec_without_returning(&*tx).await?;
    if matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok(Begun::Now(tx, Held(Some(held))));
    }
    // none: the key became free just now, and the next request will find it so
    let found = Entity::find_by_id((used.scope.clone(), used.key.clone())).one(&*tx).await?.ok_or_else(still_running)?;
    used.is_for(&found.request_hash)?;
    if let Some(reply) = found.reply {
        cx.mark_replayed();
        return Ok(Begun::Before(Ok(serde_json::from_str(&reply).map_err(Fault::internal)?)));
    }
    if let Some(problem) = found.problem {
        cx.mark_replayed();
        let problem: Problem = serde_json::from_str(&problem).map_err(Fault::internal)?;
        return Ok(Begun::Before(Err(E::from_problem(problem))));
    }
    let is_gone = found.started_at + LEASE <= now;
    let left = Key { since: found.started_at, ..held };
    match is_gone && left.hand_over(&tx, now).await? {
        true => Ok(Begun::Now(tx, Held(Some(Key { since: now, ..left })))),
        false => Err(still_running()),
    }
}

/// Takes over the work under the key of `cx` in the client's stead, when the lease of its holder has ended; none when the work is
/// done, or is being done.
///
/// # Errors
/// When the store fails.
pub async fn take_over(db: &Db, tx: &Tx, cx: &Ctx, op: &Op) -> Result<Option<Held>, Fault> {
    let Some(key) = cx.idempotency_key() else { return Ok(None) };
    let Some(found) = Entity::find_by_id((scope(cx, op), key.to_owned())).one(&**tx).await? else { return Ok(None) };
    let now = now(db);
    let left = Key { scope: found.scope, key: found.key, since: found.started_at };
    let is_taken = left.since + LEASE <= now && left.hand_over(tx, now).await?;
    Ok(is_taken.then_some(Held(Some(Key { since: now, ..left }))))
}

/// The right to do the work under a key, and to record its end; empty when the caller gave no key.
///
/// It ends when the work is taken over. Then every method answers `conflict`, and the transaction must not be committed.
#[derive(Debug)]
pub struct Held(Option<Key>);

#[derive(Debug)]
struct Key {
    scope: String,
    key: String,
    /// The fence: `started_at` has this value while this holder has the key.
    since: DateTime<Utc>,
}

impl Held {
    /// The right to do work that has no key.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// The key, if there is one.
    pub fn key(&self) -> Option<&str> {
        self.0.as_ref().map(|held| held.key.as_str())
    }

    /// The work is done, and this is the reply to every request with the key.
    ///
    /// # Errors
    /// `conflict` when the work was taken over, or when the store fails; then the work must not be committed.
    pub async fn finish(&self, tx: &Tx, reply: &impl Serialize) -> Result<(), Fault> {
        let Some(held) = &self.0 else { return Ok(()) };
        let reply = serde_json::to_string(reply).map_err(Fault::internal)?;
        held.change(tx, [(Column::Reply, Expr::value(reply))]).await
    }

    /// The work was refused, and would be each time: this is the answer to every request with the key.
    ///
    /// # Errors
    /// As [`Held::finish`].
    pub async fn refuse(&self, tx: &Tx, problem: &Problem) -> Result<(), Fault> {
        let Some(held) = &self.0 else { return Ok(()) };
        let problem = serde_json::to_string(problem).map_err(Fault::internal)?;
        // the release before must not wait for a reply that does not come
        held.change(tx, [(Column::Problem, Expr::value(problem)), (Column::StartedAt, Expr::value(held.since - LEASE))]).await
    }

    /// The outcome of the work is unknown: the next request with the key takes it over at once.
    ///
    /// # Errors
    /// As [`Held::finish`].
    pub async fn release(&self, tx: &Tx) -> Result<(), Fault> {
        let Some(held) = &self.0 else { return Ok(()) };
        held.change(tx, [(Column::StartedAt, Expr::value(held.since - LEASE))]).await
    }

    /// The work did not happen, and may be tried again: the key is deleted.
    ///
    /// # Errors
    /// As [`Held::finish`].
    pub async fn abandon(&self, tx: &Tx) -> Result<(), Fault> {
        let Some(held) = &self.0 else { return Ok(()) };
        let deleted = Entity::delete_many().filter(held.is_held()).exec(&**tx).await?;
        if deleted.rows_affected == 1 { Ok(()) } else { Err(taken_over()) }
    }
}

impl Key {
    /// The condition that this holder has the key, and that it is not answered.
    fn is_held(&self) -> Condition {
        Condition::all()
            .add(Column::Scope.eq(&self.scope))
            .add(Column::Key.eq(&self.key))
            .add(Column::StartedAt.eq(self.since))
            .add(Column::Reply.is_null())
            .add(Column::Problem.is_null())
    }

    /// Moves the key from this holder to another, in one statement; `false` when another was first.
    async fn hand_over(&self, tx: &Tx, now: DateTime<Utc>) -> Result<bool, Fault> {
        let update = Entity::update_many().col_expr(Column::StartedAt, Expr::value(now)).filter(self.is_held());
        Ok(update.exec(&**tx).await?.rows_affected == 1)
    }

    async fn change<const N: usize>(&self, tx: &Tx, values: [(Column, Expr); N]) -> Result<(), Fault> {
        let update = Entity::update_many().filter(self.is_held());
        let update = values.into_iter().fold(update, |update, (column, value)| update.col_expr(column, value));
        if update.exec(&**tx).await?.rows_affected == 1 { Ok(()) } else { Err(taken_over()) }
    }
}

fn still_running() -> Fault {
    Fault::new(Code::Conflict, "A request with this Idempotency-Key is still running").retry_after(1)
}

fn taken_over() -> Fault {
    Fault::new(Code::Conflict, "Another request with this Idempotency-Key has taken over").retry_after(1)
}

/// Cut to the precision of every store: the fence is compared with it.
fn now(db: &Db) -> DateTime<Utc> {
    db.now().trunc_subsecs(6)
}

/// Removes keys that are older than a day, in batches: no statement is long, and instances share the work.
///
/// # Errors
/// When the store fails.
pub async fn sweep(db: &Db) -> Result<(), Fault> {
    crate::sweep::in_batches::<Entity>(db.write(), Column::StartedAt.lt(now(db) - KEPT)).await?;
    Ok(())
}

/// Removes old keys of a module every hour. Every module with keyed operations starts this.
pub fn keep_swept(db: &Db, jobs: &Jobs) {
    let db = db.in_background();
    jobs.every(format!("{}.sweep_keys", db.module()), Duration::from_secs(3600), move || {
        let db = db.clone();
        async move { sweep(&db).await }
    });
}

/// Separates the keys of callers and operations from each other.
fn scope(cx: &Ctx, op: &Op) -> String {
    match cx.principal() {
        Principal::User { id, .. } => format!("{} user {id}", op.id),
        Principal::Anonymous => format!("{} module {}", op.id, cx.caller().unwrap_or_default()),
    }
}

fn hash(request: &impl Serialize) -> Result<String, Fault> {
    let json = serde_json::to_vec(request).map_err(Fault::internal)?;
    Ok(format!("{:x}", Sha256::digest(&json)))
}
