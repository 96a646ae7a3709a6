//! Orders as users see them, out of rows.

use crate::{
    Order, OrderItem, TimelineEntry,
    entity::{
        line,
        order::{self, State},
        timeline,
    },
    order_number, store,
};
use kernel::{Currency, Fault, Money, OrderId, UserId, serde_json};
use payment::PaymentId;
use product::ProductId;
use sea_orm::ConnectionTrait;

/// Adds lines and timelines: two queries, however many orders there are.
pub(crate) async fn complete(db: &impl ConnectionTrait, rows: Vec<order::Model>) -> Result<Vec<Order>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let (lines, timelines) = tokio::try_join!(store::lines(db, &ids), store::timelines(db, &ids))?;
    rows.into_iter().map(|row| assemble(row, &lines, &timelines)).collect()
}

/// As [`complete`], for one order.
pub(crate) async fn complete_one(db: &impl ConnectionTrait, row: order::Model) -> Result<Order, Fault> {
    let ids = [row.id];
    let (lines, timelines) = tokio::try_join!(store::lines(db, &ids), store::timelines(db, &ids))?;
    assemble(row, &lines, &timelines)
}

/// The lines of an order; `lines` may be those of more orders.
pub(crate) fn items(order: i64, lines: &[line::Model], currency: Currency) -> Vec<OrderItem> {
    let amount = |minor| Money { minor, currency }.amount();
    let items = lines.iter().filter(|line| line.order_id == order).map(|line| OrderItem {
        product_id: ProductId(line.product_id),
        name: line.name.clone(),
        unit_price: amount(line.unit_price_minor),
        quantity: u32::try_from(line.quantity).unwrap_or_default(),
        subtotal: amount(line.unit_price_minor * line.quantity),
    });
    items.collect()
}

/// `lines` and `timelines` may be those of more orders.
pub(crate) fn assemble(row: order::Model, lines: &[line::Model], timelines: &[timeline::Model]) -> Result<Order, Fault> {
    let currency: Currency =
        row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of order {}: {e}", row.id)))?;
    let shipping_address = serde_json::from_str(&row.shipping_address).map_err(Fault::internal)?;
    let amount = |minor| Money { minor, currency }.amount();
    let timeline = timelines.iter().filter(|entry| entry.order_id == row.id).map(|entry| TimelineEntry {
        at: entry.at,
        status: entry.state.status(),
        note: entry.note.clone(),
    });
    Ok(Order {
        id: OrderId(row.id),
        number: order_number(OrderId(row.id)),
        user_id: UserId(row.user_id),
        status: row.state.status(),
        items: items(row.id, lines, currency),
        subtotal: amount(row.total_minor),
        total: amount(row.total_minor),
        currency,
        shipping_address,
        payment_id: row.payment_id.map(PaymentId),
        placed_at: row.placed_at,
        updated_at: row.updated_at,
        expires_at: matches!(row.state, State::Pending | State::Charging).then_some(row.expires_at),
        timeline: timeline.collect(),
    })
}
