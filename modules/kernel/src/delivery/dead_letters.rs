//! Events that could not be handled, wherever they are kept: in the outbox of their publisher, or in the dead-letter queue of
//! their listener.

use super::{
    broker::{Broker, BrokerError, REASON, REPLAYED, attempts, header, send, signed},
    bus::Bus,
    outbox::{self, DeadLetterFilter},
};
use crate::{Envelope, Fault, db::Db, now};
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde::Serialize;
use uuid::Uuid;

/// How many are read in one statement.
const PAGE: u64 = 500;

/// An event that a listener could not handle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetter {
    /// The module whose outbox it is in, or `broker`.
    pub place: String,
    /// The listener; empty when the event was given up before it was addressed.
    pub listener: String,
    /// The event's id.
    pub id: Uuid,
    /// How many attempts have failed.
    pub attempts: i32,
    /// Why the last attempt failed.
    pub reason: String,
    /// The event; none when it cannot be read.
    pub event: Option<Envelope>,
}

/// What to do with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// Nothing: it is only listed.
    List,
    /// It is delivered again, as if it had just been published.
    Replay,
    /// It is deleted.
    Drop,
}

/// Lists dead letters of a shop, and applies `action` to each of them, and to no other.
///
/// `outboxes` are the databases of the modules that publish events. While another process does the same, each may list dead
/// letters that the other has already dealt with.
///
/// # Errors
/// When a store or the broker cannot be reached.
pub async fn dead_letters(
    bus: &Bus,
    outboxes: &[Db],
    filter: &DeadLetterFilter,
    action: DeadLetterAction,
) -> Result<Vec<DeadLetter>, Fault> {
    let mut found = Vec::new();
    for db in outboxes {
        found.extend(in_outbox(db, filter, action).await?);
    }
    if let Some(broker) = bus.broker() {
        for listener in broker.listeners().filter(|name| filter.listener.as_deref().is_none_or(|wanted| wanted == *name)) {
            found.extend(in_queue(broker, listener, filter.id, action).await?);
        }
    }
    Ok(found)
}

async fn in_outbox(db: &Db, filter: &DeadLetterFilter, action: DeadLetterAction) -> Result<Vec<DeadLetter>, Fault> {
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let rows = outbox::dead_letters(db.read(), filter, last.as_ref(), PAGE).await?;
        match action {
            DeadLetterAction::List => {}
            DeadLetterAction::Replay => outbox::replay(db.write(), &rows, db.now()).await?,
            DeadLetterAction::Drop => outbox::discard(db.write(), &rows).await?,
        }
        found.extend(rows.iter().map(|row| DeadLetter {
            place: db.module().into(),
            listener: row.listener.clone(),
            id: row.id,
            attempts: row.attempts,
            reason: row.reason.clone().unwrap_or_default(),
            event: serde_json::from_str(&row.event).ok(),
        }));
        last = rows.into_iter().next_back();
        if last.is_none() {
            return Ok(found);
        }
    }
}

async fn in_queue(
    broker: &Broker,
    listener: &'static str,
    id: Option<Uuid>,
    action: DeadLetterAction,
) -> Result<Vec<DeadLetter>, BrokerError> {
    let (_connection, channel) = broker.connect("dead letters").await?;
    let dead = broker.dead_queue(listener);
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let queue = channel.queue_declare(dead.clone(), passive, FieldTable::default()).await?;
    let mut found = Vec::new();
    // messages that are not acknowledged go back when the connection is closed
    for _ in 0..queue.message_count() {
        let Some(message) = channel.basic_get(dead.clone(), BasicGetOptions::default()).await? else { break };
        let letter = letter(listener, &message.delivery);
        if id.is_some_and(|id| id != letter.id) {
            continue;
        }
        if action == DeadLetterAction::Replay {
            let mut headers = signed(broker.key(), &message.delivery.data)?;
            headers.insert(REPLAYED.into(), AMQPValue::LongLongInt(now().timestamp()));
            let properties = message.delivery.properties.clone().with_headers(headers);
            send(&channel, broker.queue(listener), &message.delivery.data, properties).await?;
        }
        if action != DeadLetterAction::List {
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
    DeadLetter { place: "broker".into(), listener: listener.into(), id, attempts: attempts(delivery), reason, event }
}
