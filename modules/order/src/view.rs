//! Rows as the types of the contract. Lines and timelines may be those of several orders.

use crate::{
    Order, OrderFacts, OrderItem, TimelineEntry,
    entity::{
        line,
        order::{self, State},
    },
    order_number,
    store::Details,
};
use kernel::{Currency, Fault, Money, OrderId, UserId, serde_json};
use payment::PaymentId;
use product::{ProductId, VariantId};

pub(crate) fn order(row: order::Model, details: &Details) -> Result<Order, Fault> {
    let currency = currency(&row)?;
    let shipping_address = serde_json::from_str(&row.shipping_address).map_err(Fault::internal)?;
    let amount = |minor| Money { minor, currency }.amount();
    let timeline = details.timelines.iter().filter(|entry| entry.order_id == row.id).map(|entry| TimelineEntry {
        at: entry.at,
        status: entry.state.status(),
        note: entry.note.clone(),
    });
    Ok(Order {
        id: OrderId(row.id),
        number: order_number(OrderId(row.id)),
        user_id: UserId(row.user_id),
        status: row.state.status(),
        items: items(row.id, &details.lines, currency),
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

/// The data of an event about the order.
pub(crate) fn facts(row: &order::Model, lines: &[line::Model], note: Option<&str>) -> Result<OrderFacts, Fault> {
    let currency = currency(row)?;
    Ok(OrderFacts {
        order_id: OrderId(row.id),
        number: order_number(OrderId(row.id)),
        user_id: UserId(row.user_id),
        items: items(row.id, lines, currency),
        total: Money { minor: row.total_minor, currency }.amount(),
        currency,
        note: note.map(str::to_owned),
        reason: None,
        version: row.version,
    })
}

fn items(order: i64, lines: &[line::Model], currency: Currency) -> Vec<OrderItem> {
    let amount = |minor| Money { minor, currency }.amount();
    let items = lines.iter().filter(|line| line.order_id == order).map(|line| OrderItem {
        product_id: ProductId(line.product_id.unwrap_or(line.variant_id)),
        variant_id: line.product_id.map(|_| VariantId(line.variant_id)),
        sku: line.sku.clone(),
        name: line.name.clone(),
        unit_price: amount(line.unit_price_minor),
        quantity: u32::try_from(line.quantity).unwrap_or_default(),
        subtotal: amount(line.unit_price_minor * line.quantity),
    });
    items.collect()
}

fn currency(row: &order::Model) -> Result<Currency, Fault> {
    row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of order {}: {e}", row.id)))
}
