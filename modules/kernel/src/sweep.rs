//! Removing rows that are no longer needed, without holding up other work.

use crate::Fault;
use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait, Iterable, PrimaryKeyToColumn, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, LockBehavior, LockType},
};

/// How many rows one statement deletes.
const BATCH: u64 = 500;

/// Deletes the rows of a table for which `old` holds, in batches: no statement runs for long, and on SQLite others write between
/// two of them. Instances that sweep at the same time pass over each other's rows. Returns how many rows it has deleted.
///
/// # Errors
/// When the store fails; what was deleted before that stays deleted.
pub async fn in_batches<E: EntityTrait>(db: &impl ConnectionTrait, old: Expr) -> Result<u64, Fault> {
    let key = || E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let mut all = 0;
    loop {
        let some = key().fold(E::find().select_only(), |find, column| find.column(column));
        let some = some.filter(old.clone()).limit(BATCH).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let which = Expr::tuple(key().map(Expr::col)).in_subquery(some.into_query());
        let deleted = E::delete_many().filter(which).exec(db).await?.rows_affected;
        all += deleted;
        if deleted < BATCH {
            return Ok(all);
        }
    }
}
