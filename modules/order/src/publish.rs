//! Publishing the events of orders, in the transaction of the change.

use crate::{CancelReason, OrderCancelled, OrderFacts, context::Result, entity::order, store, view};
use kernel::{Ctx, Event, db::Tx, outbox};

/// Publishes a change of an order, with the note of the person who made it.
pub(crate) async fn publish<E: Event + From<OrderFacts>>(
    tx: &Tx,
    cx: &Ctx,
    row: &order::Model,
    note: Option<&str>,
) -> Result<()> {
    let lines = store::lines(&**tx, &[row.id]).await?;
    let event = E::from(view::facts(row, &lines, note)?);
    Ok(outbox::publish(tx, cx, &event).await?)
}

/// Publishes the cancellation of an order, with the note of the person who cancelled it.
pub(crate) async fn publish_cancelled(
    tx: &Tx,
    cx: &Ctx,
    row: &order::Model,
    reason: CancelReason,
    note: Option<&str>,
) -> Result<()> {
    let lines = store::lines(&**tx, &[row.id]).await?;
    let event = OrderCancelled(OrderFacts { reason: Some(reason), ..view::facts(row, &lines, note)? });
    Ok(outbox::publish(tx, cx, &event).await?)
}

/// Publishes that orders expired unpaid, with two statements for any number of orders.
pub(crate) async fn publish_expired(tx: &Tx, cx: &Ctx, rows: &[order::Model]) -> Result<()> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let lines = store::lines(&**tx, &ids).await?;
    let events = rows.iter().map(|row| {
        let reason = Some(CancelReason::NotPaid);
        Ok(OrderCancelled(OrderFacts { reason, ..view::facts(row, &lines, None)? }))
    });
    Ok(outbox::publish_all(tx, cx, &events.collect::<Result<Vec<_>>>()?).await?)
}
