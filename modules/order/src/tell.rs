//! Telling what happened to orders, in the transaction in which it happened.

use crate::{
    CancelReason, OrderCancelled, OrderFacts, OrderItem,
    entity::{line, order},
    order_number,
    service::Result,
    store, view,
};
use kernel::{Ctx, Currency, Event, Fault, Money, OrderId, UserId, db::Tx, outbox};

/// Tells what happened to an order, and what a person wrote about it.
pub(crate) async fn tell<E: Event + From<OrderFacts>>(tx: &Tx, cx: &Ctx, row: &order::Model, note: Option<&str>) -> Result<()> {
    let lines = store::lines(&**tx, &[row.id]).await?;
    let event = E::from(facts(row, &lines, note)?);
    Ok(outbox::publish(tx, cx, &event).await?)
}

/// Tells why an order was cancelled, and what a person wrote about it.
pub(crate) async fn tell_cancelled(
    tx: &Tx,
    cx: &Ctx,
    row: &order::Model,
    reason: CancelReason,
    note: Option<&str>,
) -> Result<()> {
    let lines = store::lines(&**tx, &[row.id]).await?;
    let event = OrderCancelled(OrderFacts { reason: Some(reason), ..facts(row, &lines, note)? });
    Ok(outbox::publish(tx, cx, &event).await?)
}

/// Tells that orders were cancelled because nobody paid them: two statements, however many orders there are.
pub(crate) async fn tell_expired(tx: &Tx, cx: &Ctx, rows: &[order::Model]) -> Result<()> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let lines = store::lines(&**tx, &ids).await?;
    let events = rows.iter().map(|row| {
        let reason = Some(CancelReason::NotPaid);
        Ok(OrderCancelled(OrderFacts { reason, ..facts(row, &lines, None)? }))
    });
    Ok(outbox::publish_all(tx, cx, &events.collect::<Result<Vec<_>>>()?).await?)
}

/// What the timeline of an order says that nobody paid.
pub(crate) const EXPIRED: &str = "Not paid in time";

/// `lines` may be those of more orders.
pub(crate) fn facts(row: &order::Model, lines: &[line::Model], note: Option<&str>) -> Result<OrderFacts> {
    let currency: Currency =
        row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of order {}: {e}", row.id)))?;
    let items: Vec<OrderItem> = view::items(row.id, lines, currency);
    Ok(OrderFacts {
        order_id: OrderId(row.id),
        number: order_number(OrderId(row.id)),
        user_id: UserId(row.user_id),
        items,
        total: Money { minor: row.total_minor, currency }.amount(),
        currency,
        note: note.map(str::to_owned),
        reason: None,
        version: row.version,
    })
}
