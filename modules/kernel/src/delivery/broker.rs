//! Events through RabbitMQ.
//!
//! ```text
//! relay ──publish, confirmed──► exchange {prefix}.events (topic)
//!                                  │ by type
//!                                  ▼
//!             ┌───────────► queue {prefix}.{listener} ──deliver, acknowledged after the work──► listener
//!             │ after a wait       │ delivered 20 times and never acknowledged        │ cannot handle it
//! {prefix}.{listener}.retry.{ms} ◄─┼───────────────────────────────────────────────────┤ now
//!                                  ▼                                                  │ at all
//!                              {prefix}.{listener}.dead ◄─────────────────────────────┘
//! ```
//!
//! Messages are signed with the shop's internal key (header `souk-signature`): a listener handles only messages that a process of
//! the shop has sent. Any other message in its queue becomes a dead letter; an operator who replays it signs it.
//!
//! Everything is durable. Every connection declares all of it, for every listener of the shop: events that are published before a
//! listener was ever started wait in its queue. An existing queue with other arguments is used as it is. A message is moved by
//! publishing it to the next queue, confirmed, before it is acknowledged in the last one: it may exist twice, and is never lost.

use super::{config::Config, plan::RetryPlan};
use crate::{BoxError, Fault, InternalKey, Listener, log::log_seldom};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, ExchangeKind,
    message::Delivery,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUri,
};
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// How long a connection may take, and how long a message may wait for its confirmation.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Deliveries of a message that is never acknowledged, because its handler takes the process with it.
const DELIVERIES: i64 = 20;
/// Header: how often a listener has failed to handle the message, transient faults not counted.
pub(crate) const ATTEMPTS: &str = "souk-attempts";
/// Header: why the last attempt failed.
pub(crate) const REASON: &str = "souk-reason";
/// Header: the signature of the body.
pub(crate) const SIGNATURE: &str = "souk-signature";
/// Header: when an operator has last replayed it, in seconds since 1970; its age is counted from then.
pub(crate) const REPLAYED: &str = "souk-replayed";

/// A broker, and the names of the shop's queues on it. Connections are made when they are needed. Cheap to clone.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    uri: AMQPUri,
    prefix: String,
    prefetch: u16,
    listeners: Vec<(&'static str, &'static [&'static str])>,
    plan: RetryPlan,
    key: InternalKey,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broker({}:{})", self.0.uri.authority.host, self.0.uri.authority.port)
    }
}

impl Broker {
    pub(crate) fn new(config: &Config, listeners: &[Listener], plan: RetryPlan, key: InternalKey) -> Result<Self, BoxError> {
        // the reason could quote the address, and with it the password
        const FORM: &str = "events.broker_url must be like amqp://user:password@host:5672";
        // with one slash it would be a path on this machine, password and all
        let has_host = config.broker_url.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.starts_with('/'));
        let mut uri = AMQPUri::from_str(&config.broker_url).ok().filter(|_| has_host).ok_or(FORM)?;
        uri.query.heartbeat.get_or_insert(10);
        if config.prefix.is_empty()
            || config.prefix.len() > 64
            || !config.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        {
            return Err("events.prefix must have 1 to 64 letters, digits, '_', '-' or '.'".into());
        }
        let listeners = listeners.iter().map(|listener| (listener.name(), listener.types())).collect();
        Ok(Self(Arc::new(Inner { uri, prefix: config.prefix.clone(), prefetch: config.prefetch, listeners, plan, key })))
    }

    pub(crate) fn prefetch(&self) -> u16 {
        self.0.prefetch
    }

    pub(crate) fn plan(&self) -> &RetryPlan {
        &self.0.plan
    }

    pub(crate) fn key(&self) -> &InternalKey {
        &self.0.key
    }

    pub(crate) fn listeners(&self) -> impl Iterator<Item = &'static str> {
        self.0.listeners.iter().map(|(name, _)| *name)
    }

    pub(super) fn exchange(&self) -> ShortString {
        format!("{}.events", self.0.prefix).into()
    }

    pub(crate) fn queue(&self, listener: &str) -> ShortString {
        format!("{}.{listener}", self.0.prefix).into()
    }

    pub(crate) fn dead_queue(&self, listener: &str) -> ShortString {
        format!("{}.{listener}.dead", self.0.prefix).into()
    }

    pub(crate) fn retry_queue(&self, listener: &str, wait: Duration) -> ShortString {
        format!("{}.{listener}.retry.{}", self.0.prefix, wait.as_millis()).into()
    }

    /// A new connection with a channel on which everything is declared and publishing is confirmed. The channel closes with the
    /// connection.
    pub(crate) async fn connect(&self, name: &str) -> Result<(Connection, Channel), BrokerError> {
        let connect = async {
            let properties = ConnectionProperties::default().with_connection_name(format!("souk {name}").into());
            let connection = Connection::connect_uri(self.0.uri.clone(), properties).await?;
            self.declare(&connection).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok((connection, channel))
        };
        tokio::time::timeout(PATIENCE, connect).await.map_err(|_| BrokerError("no connection in time".into()))?
    }

    async fn declare(&self, connection: &Connection) -> Result<(), BrokerError> {
        let mut channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(self.exchange(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
        for &(listener, types) in &self.0.listeners {
            // a dead letter must not die again, however often it is looked at
            let limit = [("x-delivery-limit", AMQPValue::LongLongInt(1_000_000))];
            declare_queue(connection, &mut channel, self.dead_queue(listener), &limit).await?;
            let queue = self.queue(listener);
            let to_dead = dead_letters_to(self.dead_queue(listener));
            let limit = [("x-delivery-limit", AMQPValue::LongLongInt(DELIVERIES))];
            declare_queue(connection, &mut channel, queue.clone(), &[&limit[..], &to_dead].concat()).await?;
            for wait in self.0.plan.waits() {
                let ttl = [("x-message-ttl", AMQPValue::LongLongInt(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))];
                let arguments = [&ttl[..], &dead_letters_to(queue.clone())].concat();
                declare_queue(connection, &mut channel, self.retry_queue(listener, *wait), &arguments).await?;
            }
            for kind in types {
                let options = QueueBindOptions::default();
                channel.queue_bind(queue.clone(), self.exchange(), (*kind).into(), options, FieldTable::default()).await?;
            }
        }
        channel.close(200, "declared".into()).await?;
        Ok(())
    }

    pub(super) fn is_wanted(&self, kind: &str) -> bool {
        self.0.listeners.iter().any(|(_, types)| types.contains(&kind))
    }
}

/// Makes a queue if there is none. A queue that another release has made with other arguments is used as it is: events must go on
/// while two releases run, and an operator removes it when it is empty.
async fn declare_queue(
    connection: &Connection,
    channel: &mut Channel,
    name: ShortString,
    arguments: &[(&str, AMQPValue)],
) -> Result<(), BrokerError> {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    match channel.queue_declare(name.clone(), QueueDeclareOptions::durable(), table).await {
        Ok(_) => Ok(()),
        Err(e) if is_other_queue(&e) => {
            log_seldom(name.as_str(), |again| {
                tracing::warn!(queue = name.as_str(), again, "the queue has other arguments than it should; it is used as it is");
            });
            // the refusal has closed it
            *channel = connection.create_channel().await?;
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

fn is_other_queue(e: &lapin::Error) -> bool {
    let refused = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    matches!(e.kind(), ErrorKind::ProtocolError(e) if *e.kind() == refused)
}

/// Arguments of a queue that moves messages it cannot keep to another one, and drops them only once they are there.
fn dead_letters_to(queue: ShortString) -> [(&'static str, AMQPValue); 4] {
    let text = |text: &str| AMQPValue::LongString(text.into());
    [
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(queue.as_str())),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

/// A failure of the broker. For the log.
#[derive(Debug, Clone)]
pub(crate) struct BrokerError(pub(crate) String);

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lapin::Error> for BrokerError {
    fn from(e: lapin::Error) -> Self {
        Self(e.to_string())
    }
}

impl From<BrokerError> for Fault {
    fn from(lost: BrokerError) -> Self {
        Fault::unavailable("The broker is not available", lost)
    }
}

/// The headers of a message before its first delivery.
pub(crate) fn signed(key: &InternalKey, body: &[u8]) -> Result<FieldTable, BrokerError> {
    let signature = key.sign_bytes(body).map_err(|e| BrokerError(e.to_string()))?;
    let mut headers = FieldTable::default();
    headers.insert(SIGNATURE.into(), AMQPValue::LongString(signature.into()));
    Ok(headers)
}

/// Publishes a message to one queue, and waits for the confirmation.
pub(crate) async fn send(
    channel: &Channel,
    queue: ShortString,
    body: &[u8],
    properties: BasicProperties,
) -> Result<(), BrokerError> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let work = async {
        match channel.basic_publish(ShortString::default(), queue, options, body, properties.with_delivery_mode(2)).await?.await?
        {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(returned)) => Err(BrokerError(returned.reply_text.to_string())),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(BrokerError("the broker refused it".into())),
        }
    };
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| BrokerError("no confirmation in time".into()))?
}

/// How often its listener has failed to handle a message.
pub(crate) fn attempts(delivery: &Delivery) -> i32 {
    match header(delivery, ATTEMPTS) {
        Some(AMQPValue::LongInt(attempts)) => *attempts,
        _ => 0,
    }
}

pub(crate) fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(name)
}
