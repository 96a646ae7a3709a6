//! Claiming rows of a listener, and writing the outcomes of their deliveries.

use super::row::{Column, Entity, Model};
use crate::{
    Fault,
    db::Db,
    delivery::plan::{Next, RetryPlan},
};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{CommonTableExpression, Expr, LockBehavior, LockType, Query},
};
use std::time::Duration;

/// How long a claim lasts: longer than a delivery may take. The rows of a dead relay are delivered after that.
const LEASE: TimeDelta = TimeDelta::seconds(15);

/// Claims events of a listener that are due, the oldest first.
pub(super) async fn claim(db: &Db, listener: &str, limit: u64) -> Result<Vec<Model>, Fault> {
    let now = db.now();
    let due = || {
        let find = Entity::find().filter(Column::DeadAt.is_null()).filter(Column::Listener.eq(listener));
        find.filter(Column::DueAt.lte(now))
    };
    // most polls find nothing: on SQLite they must not wait for the one connection that writes
    if due().limit(1).one(db.read()).await?.is_none() {
        return Ok(Vec::new());
    }
    let some = due().select_only().column(Column::Id).order_by_asc(Column::DueAt).limit(limit);
    // two relays never wait for each other. (SQLite has one writer and ignores the lock.)
    let some = some.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query();
    // PostgreSQL may run a plain subquery again for every row, each time past the rows that it has locked before
    let some = CommonTableExpression::new().table_name("some").query(some).materialized(true).to_owned();
    let ids = Query::select().column("id").from("some").to_owned();
    let mut update = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now + LEASE))
        .filter(Column::Listener.eq(listener))
        .filter(Column::Id.in_subquery(ids));
    QueryTrait::query(&mut update).with_cte(some);
    let mut claimed = update.exec_with_returning(db.write()).await?;
    claimed.sort_unstable_by_key(|row| row.id);
    Ok(claimed)
}

/// Writes the outcomes of deliveries to a listener.
pub(super) async fn settle(
    db: &Db,
    plan: &RetryPlan,
    listener: &str,
    ended: Vec<(Model, Result<(), Fault>)>,
) -> Result<(), Fault> {
    let now = db.now();
    let (mut arrived, mut transient) = (Vec::new(), Vec::new());
    let (mut longest, mut why) = (Duration::ZERO, String::new());
    let mut failed = Vec::new();
    for (row, outcome) in ended {
        let Err(fault) = outcome else {
            arrived.push(row.id);
            continue;
        };
        match plan.after(&fault, row.attempts, row.age(now)) {
            Next::Defer(wait) => {
                (longest, why) = (longest.max(wait), fault.to_string());
                transient.push(row.id);
            }
            Next::Retry(wait) => failed.push((row, fault, Some(wait))),
            Next::DeadLetter => failed.push((row, fault, None)),
        }
    }
    let of_listener = |ids: Vec<uuid::Uuid>| Column::Listener.eq(listener).and(Column::Id.is_in(ids));
    if !arrived.is_empty() {
        Entity::delete_many().filter(of_listener(arrived)).exec(db.write()).await?;
    }
    if !transient.is_empty() {
        // while the other side is away there are many: they all wait as long as the oldest of them
        Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(now + TimeDelta::from_std(longest).unwrap_or(LEASE)))
            .col_expr(Column::Reason, Expr::value(why))
            .filter(of_listener(transient))
            .exec(db.write())
            .await?;
    }
    for (row, fault, wait) in failed {
        let mut update = Entity::update_many()
            .col_expr(Column::Attempts, Expr::value(row.attempts + 1))
            .col_expr(Column::Reason, Expr::value(fault.to_string()))
            .filter(of_listener(vec![row.id]));
        update = match wait {
            Some(wait) => update.col_expr(Column::DueAt, Expr::value(now + TimeDelta::from_std(wait).unwrap_or(LEASE))),
            None => {
                tracing::error!(event = %row.id, listener, module = db.module(), error = %fault, "dead letter");
                metrics::counter!("souk_dead_letters_total", "place" => db.module(), "listener" => listener.to_owned())
                    .increment(1);
                update.col_expr(Column::DeadAt, Expr::value(now))
            }
        };
        update.exec(db.write()).await?;
    }
    Ok(())
}
