//! Events that could not be handled, wherever they are kept: in the outbox of their teller, or in the dead-letter queue of their
//! listener.

use super::{
    Bus,
    broker::{Broker, Lost, REASON, send},
    consumer::{attempts, header},
};
use crate::{Envelope, Fault, db::Db, outbox};
use lapin::{
    BasicProperties,
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde::Serialize;
use uuid::Uuid;

/// The most that are looked at in one place.
const LIMIT: u64 = 10_000;

/// An event that could not be handled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetter {
    /// The module whose outbox or queue it is in.
    pub place: String,
    /// The event's id.
    pub id: Uuid,
    /// How often it was tried to handle it.
    pub attempts: i32,
    /// Why the last attempt failed.
    pub reason: String,
    /// The event; none when it cannot be read.
    pub event: Option<Envelope>,
}

/// What to do with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing: it is only looked at.
    Kept,
    /// It is handed over again, with all its attempts.
    Replayed,
    /// It is forgotten.
    Dropped,
}

/// Looks at the dead letters of a shop, one or all, and does the same with each.
///
/// `outboxes` are the databases of the modules that tell events. Run while another process does the same, each may see some that the
/// other has dealt with.
///
/// # Errors
/// When a store or the broker cannot be reached.
pub async fn dead_letters(bus: &Bus, outboxes: &[Db], id: Option<Uuid>, fate: Fate) -> Result<Vec<DeadLetter>, Fault> {
    let mut found = Vec::new();
    for db in outboxes {
        found.extend(in_outbox(db, id, fate).await?);
    }
    if let Some(broker) = bus.broker() {
        for listener in broker.listeners() {
            found.extend(in_queue(broker, listener, id, fate).await?);
        }
    }
    Ok(found)
}

async fn in_outbox(db: &Db, id: Option<Uuid>, fate: Fate) -> Result<Vec<DeadLetter>, Fault> {
    let rows = outbox::dead_letters(db.read(), LIMIT).await?;
    match fate {
        Fate::Kept => 0,
        Fate::Replayed => outbox::replay(db.write(), id).await?,
        Fate::Dropped => outbox::discard(db.write(), id).await?,
    };
    let rows = rows.into_iter().filter(|row| id.is_none_or(|id| id == row.id));
    let letter = |row: outbox::Model| DeadLetter {
        place: db.module().into(),
        id: row.id,
        attempts: row.attempts,
        reason: row.reason.unwrap_or_default(),
        event: serde_json::from_str(&row.event).ok(),
    };
    Ok(rows.map(letter).collect())
}

async fn in_queue(broker: &Broker, listener: &'static str, id: Option<Uuid>, fate: Fate) -> Result<Vec<DeadLetter>, Lost> {
    let (_connection, channel) = broker.connect("dead letters").await?;
    let dead = broker.dead_queue(listener);
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let queue = channel.queue_declare(dead.clone(), passive, FieldTable::default()).await?;
    let mut found = Vec::new();
    // what is not acknowledged goes back when the connection is closed
    for _ in 0..u64::from(queue.message_count()).min(LIMIT) {
        let Some(message) = channel.basic_get(dead.clone(), BasicGetOptions::default()).await? else { break };
        let letter = letter(listener, &message.delivery);
        if id.is_some_and(|id| id != letter.id) {
            continue;
        }
        if fate == Fate::Replayed {
            let properties = properties_without_history(&message.delivery);
            send(&channel, broker.queue(listener), &message.delivery.data, properties).await?;
        }
        if fate != Fate::Kept {
            message.delivery.ack(BasicAckOptions::default()).await?;
        }
        found.push(letter);
    }
    Ok(found)
}

fn letter(listener: &str, delivery: &Delivery) -> DeadLetter {
    let reason = match header(delivery, REASON) {
        Some(AMQPValue::LongString(reason)) => reason.to_string(),
        _ => "delivered too often: its handler never came to an end".into(),
    };
    let id = delivery.properties.message_id().as_ref().and_then(|id| Uuid::try_parse(id.as_str()).ok()).unwrap_or_default();
    let event = serde_json::from_slice(&delivery.data).ok();
    DeadLetter { place: listener.into(), id, attempts: attempts(delivery), reason, event }
}

fn properties_without_history(delivery: &Delivery) -> BasicProperties {
    delivery.properties.clone().with_headers(FieldTable::default())
}
