//! The relay of a module: the jobs that deliver its events.

use super::{
    direct::Lane,
    pace::PERIOD,
    row::{Column, Entity, Model},
    state::state,
    to_broker,
};
use crate::{
    Envelope, Fault,
    db::Db,
    delivery::{
        audience::{Audience, EVERYONE},
        bus::Bus,
        publisher::Publisher,
    },
    jobs::Jobs,
};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};
use std::time::Duration;

/// How many rows are addressed at once.
const BATCH: u64 = 100;

/// Delivers the events of a module: directly, with a lane for each listener, or to the broker.
pub fn relay(db: &Db, bus: Bus, jobs: &Jobs) {
    // a second relay on the same database has the same listeners
    drop(db.hook().audience.set(bus.audience()));
    let (db, module, stop) = (db.in_background(), db.module(), jobs.stopping());
    match bus.broker() {
        None => {
            for listener in bus.listeners() {
                let (at_once, plan) = (bus.at_once(), bus.retry_plan().clone());
                let lane = Lane { db: db.clone(), listener: listener.clone(), at_once, plan, stop: stop.clone() };
                jobs.keep(format!("{module}.outbox.{}", listener.name()), move |beat| lane.clone().run(beat));
            }
            let (db, audience) = (db.clone(), bus.audience());
            jobs.every(format!("{module}.outbox_address"), PERIOD, move || {
                let (db, audience) = (db.clone(), audience.clone());
                async move { address(&db, &audience).await }
            });
        }
        Some(broker) => {
            // rows with a listener are from a time without a broker
            for to in std::iter::once(EVERYONE).chain(bus.listeners().iter().map(|listener| listener.name())) {
                let name = if to == EVERYONE { format!("{module}.outbox") } else { format!("{module}.outbox.{to}") };
                let (db, broker, plan, stop) = (db.clone(), broker.clone(), bus.retry_plan().clone(), stop.clone());
                jobs.keep(name, move |beat| {
                    to_broker::run(db.clone(), Publisher::new(broker.clone()), to, plan.clone(), stop.clone(), beat)
                });
            }
        }
    }
    let orphans = db.clone();
    jobs.every(format!("{module}.outbox_orphans"), Duration::from_secs(3600), move || {
        let (db, bus) = (orphans.clone(), bus.clone());
        async move { give_up_orphans(&db, &bus).await }
    });
    measure(db, jobs);
}

fn measure(db: Db, jobs: &Jobs) {
    let module = db.module();
    let depth = metrics::gauge!("souk_outbox_events", "module" => module);
    let dead = metrics::gauge!("souk_outbox_dead_letters", "module" => module);
    let age = metrics::gauge!("souk_outbox_oldest_seconds", "module" => module);
    jobs.every(format!("{module}.outbox_metrics"), Duration::from_secs(5), move || {
        let (db, depth, dead, age) = (db.clone(), depth.clone(), dead.clone(), age.clone());
        async move {
            let state = state(db.read()).await?;
            depth.set(state.depth as f64);
            dead.set(state.dead as f64);
            age.set(state.oldest.as_secs_f64());
            Ok(())
        }
    });
}

/// Addresses rows that are for everyone to each listener: rows of commands, of older releases, and of a time with a broker.
async fn address(db: &Db, audience: &Audience) -> Result<(), Fault> {
    loop {
        let due = || {
            let find = Entity::find().filter(Column::DeadAt.is_null()).filter(Column::Listener.eq(EVERYONE));
            find.filter(Column::DueAt.lte(db.now()))
        };
        if due().limit(1).one(db.read()).await?.is_none() {
            return Ok(());
        }
        let tx = db.begin().await?;
        let rows = due().order_by_asc(Column::DueAt).limit(BATCH);
        let rows = rows.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).all(&*tx).await?;
        if rows.is_empty() {
            // another instance has them
            return Ok(());
        }
        let (mut known, mut unreadable, mut addressed) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let Ok(event) = serde_json::from_str::<Envelope>(&row.event) else {
                unreadable.push(row.id);
                continue;
            };
            known.push(row.id);
            for listener in audience.of(&event.r#type) {
                addressed.push(Model { listener: listener.into(), ..row.clone() }.into_active_model());
            }
        }
        if !addressed.is_empty() {
            Entity::insert_many(addressed).on_conflict_do_nothing().exec_without_returning(&*tx).await?;
            tx.wake_relay();
        }
        let of = |ids| Condition::all().add(Column::Listener.eq(EVERYONE)).add(Column::Id.is_in(ids));
        Entity::delete_many().filter(of(known)).exec(&*tx).await?;
        if !unreadable.is_empty() {
            Entity::update_many()
                .col_expr(Column::DeadAt, Expr::value(db.now()))
                .col_expr(Column::Reason, Expr::value("The event cannot be read"))
                .filter(of(unreadable))
                .exec(&*tx)
                .await?;
        }
        tx.commit().await?;
    }
}

/// Makes dead letters of events whose listener is no longer part of the shop.
async fn give_up_orphans(db: &Db, bus: &Bus) -> Result<(), Fault> {
    let known = bus.listeners().iter().map(|listener| listener.name()).chain([EVERYONE]);
    let limit = db.now() - TimeDelta::from_std(bus.retry_plan().give_up()).unwrap_or(TimeDelta::days(365));
    let given_up = Entity::update_many()
        .col_expr(Column::DeadAt, Expr::value(db.now()))
        .col_expr(Column::Reason, Expr::value("The shop has no such listener"))
        .filter(Column::DeadAt.is_null())
        .filter(Column::DueAt.lt(limit))
        .filter(Column::Listener.is_not_in(known))
        .exec(db.write())
        .await?;
    metrics::counter!("souk_dead_letters_total", "place" => db.module(), "listener" => "unknown")
        .increment(given_up.rows_affected);
    Ok(())
}
