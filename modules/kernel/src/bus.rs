//! How events get from the modules that tell them to the modules that listen: straight, or through RabbitMQ.
//!
//! - **Straight**: the relay of the teller calls every listener, in this process or over HTTP, whichever it is. Nothing else has to run.
//! - **Through RabbitMQ** ([`broker`]): the relay publishes, and each listener has a queue that its own process consumes. The teller
//!   does not wait for the listener, and they need not be up at the same time.
//!
//! Both deliver at least once, try again by the same [`RetryPlan`], and keep what cannot be handled as dead letters.

mod broker;
mod consumer;
mod dead_letters;

pub use broker::Broker;
pub use dead_letters::{DeadLetter, Fate, dead_letters};

use crate::{BoxError, Code, Envelope, Fault, Listener, jobs::Jobs};
use broker::Publisher;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// How long one round of straight deliveries may take, however many there are.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings of the delivery of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address of RabbitMQ, e.g. `amqp://user:password@host:5672`; empty: events go straight to their listeners.
    pub broker_url: String,
    /// What the names of the exchange and the queues begin with. Shops that share a broker need different ones.
    pub prefix: String,
    /// Milliseconds between attempts to hand over an event that its listener cannot handle; after the last one it is a dead letter.
    pub retry_ms: Vec<u64>,
    /// Events that a listener handles at the same time, 1 to 1,000.
    pub prefetch: u16,
}

impl Default for Config {
    fn default() -> Self {
        let retry_ms = vec![1_000, 5_000, 30_000, 120_000, 600_000];
        Self { broker_url: String::new(), prefix: "souk".into(), retry_ms, prefetch: 32 }
    }
}

/// How long to wait before an event is handed over again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPlan(Vec<Duration>);

impl RetryPlan {
    /// The wait after the attempt number `failed`, from 0; `None` when it was the last one.
    pub fn wait(&self, failed: i32) -> Option<Duration> {
        self.0.get(usize::try_from(failed).unwrap_or(usize::MAX)).copied()
    }

    pub(crate) fn waits(&self) -> &[Duration] {
        &self.0
    }
}

/// The way of events to their listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    way: Way,
    listeners: Vec<Listener>,
    plan: RetryPlan,
}

#[derive(Debug)]
enum Way {
    Straight { at_once: usize },
    Broker(Broker),
}

/// The way to nobody.
impl Default for Bus {
    fn default() -> Self {
        let config = Config::default();
        let plan = RetryPlan(config.retry_ms.into_iter().map(Duration::from_millis).collect());
        Self(Arc::new(Inner { way: Way::Straight { at_once: config.prefetch.into() }, listeners: Vec::new(), plan }))
    }
}

impl Bus {
    /// The way to these listeners, wherever they run.
    ///
    /// # Errors
    /// When a setting is out of its range. The broker need not be there yet.
    pub fn new(config: &Config, listeners: Vec<Listener>) -> Result<Self, BoxError> {
        if !(1..=1_000).contains(&config.prefetch) {
            return Err("events.prefetch must be 1 to 1000".into());
        }
        if config.retry_ms.is_empty() || config.retry_ms.iter().any(|wait| !(1..=86_400_000).contains(wait)) {
            return Err("events.retry_ms must have at least one wait, each of 1 ms to a day".into());
        }
        let plan = RetryPlan(config.retry_ms.iter().copied().map(Duration::from_millis).collect());
        let way = match config.broker_url.as_str() {
            "" => Way::Straight { at_once: config.prefetch.into() },
            _ => Way::Broker(Broker::new(config, &listeners, plan.clone())?),
        };
        Ok(Self(Arc::new(Inner { way, listeners, plan })))
    }

    /// The waits between attempts.
    pub fn retry_plan(&self) -> &RetryPlan {
        &self.0.plan
    }

    /// Lets a listener of this process take what comes for it. Without a broker nothing is to be done: its callers
    /// come by themselves.
    pub fn listen(&self, name: &str, jobs: &Jobs) {
        if let (Way::Broker(broker), Some(listener)) = (&self.0.way, self.0.listeners.iter().find(|l| l.name() == name)) {
            broker::consume(broker.clone(), listener.clone(), jobs);
        }
    }

    /// The broker, if there is one.
    pub fn broker(&self) -> Option<&Broker> {
        match &self.0.way {
            Way::Broker(broker) => Some(broker),
            Way::Straight { .. } => None,
        }
    }

    /// One relay's end of the bus.
    pub(crate) fn delivery(&self) -> Delivery {
        match &self.0.way {
            Way::Straight { at_once } => Delivery::Straight { bus: self.clone(), at_once: *at_once },
            Way::Broker(broker) => Delivery::Broker(Box::new(broker.publisher())),
        }
    }

    /// Calls every listener that wants the event, the same event again after any of them failed: they must bear it.
    async fn hand_over(&self, event: &Envelope) -> Result<(), Fault> {
        for listener in self.0.listeners.iter().filter(|listener| listener.types().contains(&event.r#type.as_str())) {
            handled(listener, event).await?;
        }
        Ok(())
    }
}

/// One relay's end of the bus.
pub(crate) enum Delivery {
    Straight { bus: Bus, at_once: usize },
    Broker(Box<Publisher>),
}

impl Delivery {
    /// Delivers events; an answer for each, in the same order.
    pub(crate) async fn deliver(&mut self, events: impl Iterator<Item = &Envelope>) -> Vec<Result<(), Fault>> {
        match self {
            Self::Straight { bus, at_once } => {
                let work = events.enumerate().map(|(index, event)| {
                    let handed_over = bus.hand_over(event);
                    async move { (index, handed_over.await) }
                });
                let work: Vec<_> = work.collect();
                let mut outcomes = vec![Err(Fault::new(Code::DeadlineExceeded, "No listener took it in time")); work.len()];
                let mut done = stream::iter(work).buffer_unordered(*at_once);
                let all = async {
                    while let Some((index, outcome)) = done.next().await {
                        outcomes[index] = outcome;
                    }
                };
                // those that were not reached come again
                drop(tokio::time::timeout(PATIENCE, all).await);
                outcomes
            }
            Self::Broker(publisher) => publisher.publish(events).await,
        }
    }
}

/// Hands an event to a listener, and measures it.
async fn handled(listener: &Listener, event: &Envelope) -> Result<(), Fault> {
    let result = listener.take(event.clone()).await;
    let outcome = outcome_of(&result);
    let (name, kind) = (listener.name(), event.r#type.clone());
    metrics::counter!("souk_events_handled_total", "listener" => name, "type" => kind, "outcome" => outcome).increment(1);
    if result.is_ok() {
        let lag = (crate::now() - event.time).to_std().unwrap_or_default();
        metrics::histogram!("souk_event_lag_seconds", "listener" => name).record(lag);
    }
    result
}

/// An outcome as a label of a metric.
fn outcome_of(result: &Result<(), Fault>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(fault) => fault.code().name(),
    }
}
