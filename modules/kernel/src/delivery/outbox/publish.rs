//! Publishing events in the transaction of their change.

use super::row::{Entity, Model};
use crate::{Ctx, Envelope, Event, Fault, db::Tx};
use sea_orm::{EntityTrait, IntoActiveModel};

/// Publishes an event, if `tx` is committed.
///
/// # Errors
/// When the store fails; then the change must not be committed.
pub async fn publish<E: Event>(tx: &Tx, cx: &Ctx, event: &E) -> Result<(), Fault> {
    publish_all(tx, cx, std::slice::from_ref(event)).await
}

/// Publishes several events in one write.
///
/// # Errors
/// As [`publish`].
pub async fn publish_all<E: Event>(tx: &Tx, cx: &Ctx, events: &[E]) -> Result<(), Fault> {
    let (due_at, listeners) = (tx.db().now(), tx.db().hook().listeners(E::TYPE));
    let mut rows = Vec::with_capacity(events.len() * listeners.len());
    for event in events {
        let envelope = Envelope::new(cx, event)?;
        for listener in &listeners {
            rows.push(Model::new(&envelope, listener, due_at)?.into_active_model());
        }
    }
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(&**tx).await?;
        tx.wake_relay();
    }
    Ok(())
}
