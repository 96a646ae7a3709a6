//! What must not be in an outbox.

use super::row::{Column, Entity};
use crate::{
    Fault,
    db::Db,
    delivery::audience::EVERYONE,
    verify::{Finding, NAMED},
};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, sea_query::Condition};

/// An event that is tried again only after this has no next try: no pause between two tries is nearly as long.
const FAR: TimeDelta = TimeDelta::days(7);

/// Events that are never delivered: to a listener that does not exist, or at a time that is far away.
///
/// # Errors
/// When the store fails.
pub async fn verify(db: &Db, listeners: &[&str]) -> Result<Vec<Finding>, Fault> {
    let known = listeners.iter().copied().chain([EVERYONE]);
    let lost = Condition::all().add(Column::Listener.is_not_in(known));
    let stuck = Condition::all().add(Column::DueAt.gt(db.now() + FAR));
    let checks = [
        ("listener", "every event is for a listener that the shop has", lost),
        ("due", "every event is tried again within seven days", stuck),
    ];
    let mut findings = Vec::new();
    for (name, rule, contradiction) in checks {
        let rows = || Entity::find().filter(Column::DeadAt.is_null()).filter(contradiction.clone());
        let some = rows().limit(NAMED as u64).all(db.read()).await?;
        if !some.is_empty() {
            let named = some.iter().map(|row| format!("event {} for {:?}, due {}", row.id, row.listener, row.due_at)).collect();
            let count = rows().count(db.read()).await?;
            findings.push(Finding { name: format!("{}.outbox.{name}", db.module()), rule: rule.into(), count, named });
        }
    }
    Ok(findings)
}
