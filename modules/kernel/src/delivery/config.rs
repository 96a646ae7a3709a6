//! Settings of the delivery of events.

use serde::{Deserialize, Serialize};

/// Settings of the delivery of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address of RabbitMQ, e.g. `amqp://user:password@host:5672`; empty: events are delivered directly.
    pub broker_url: String,
    /// The prefix of the names of the exchange and the queues. Shops that share a broker need different ones.
    pub prefix: String,
    /// Milliseconds between attempts to deliver an event that its listener cannot handle; after the last one it is a dead letter.
    pub retry_ms: Vec<u64>,
    /// Hours after which an event that was not handled is a dead letter, whatever the reason, 1 to 720.
    pub give_up_hours: u32,
    /// Events that a listener handles at the same time, 1 to 1,000.
    pub prefetch: u16,
}

impl Default for Config {
    fn default() -> Self {
        let retry_ms = vec![1_000, 5_000, 30_000, 120_000, 600_000];
        Self { broker_url: String::new(), prefix: "souk".into(), retry_ms, give_up_hours: 72, prefetch: 32 }
    }
}
