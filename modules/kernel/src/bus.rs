//! How events get from the modules that tell them to the modules that listen: straight, or through RabbitMQ.
//!
//! - **Straight**: the relay of the teller calls every listener, in this process or over HTTP, whichever it is. Nothing else has to run.
//! - **Through RabbitMQ** ([`broker`]): the relay publishes, and each listener has a queue that its own process consumes. The teller
//!   does not wait for the listener, and they need not be up at the same time.
//!
//! Both deliver at least once, to each listener by itself, try again by the same [`RetryPlan`], and keep what cannot be handled as
//! dead letters.

mod broker;
mod consumer;
mod dead_letters;

pub use broker::Broker;
pub(crate) use broker::Publisher;
pub use dead_letters::{DeadLetter, DeadLetterAction, dead_letters};

use crate::{BoxError, Code, Envelope, Fault, InternalKey, Listener, jobs::Jobs, outbox::EVERYONE};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

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
    /// Hours after which an event that its listener has not taken is a dead letter, whatever the reason, 1 to 720.
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

/// When an event is handed over again, and when it is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPlan {
    waits: Vec<Duration>,
    give_up: Duration,
}

/// What becomes of an event whose delivery has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Somebody cannot be reached, which is nobody's attempt: it is delivered again after this time.
    Later(Duration),
    /// It is delivered again after this time, and the attempt counts.
    Again(Duration),
    /// It is a dead letter.
    Never,
}

impl RetryPlan {
    fn of(config: &Config) -> Self {
        let waits = config.retry_ms.iter().copied().map(Duration::from_millis).collect();
        Self { waits, give_up: Duration::from_secs(u64::from(config.give_up_hours) * 3600) }
    }

    /// What becomes of an event that has failed `attempts` times before, and whose delivery was first tried `age` ago.
    pub(crate) fn after(&self, fault: &Fault, attempts: i32, age: Duration) -> Next {
        /// Waiting for somebody who is away: as often as once in this time, at the least.
        const LONGEST: Duration = Duration::from_secs(60);
        if age >= self.give_up {
            return Next::Never;
        }
        if is_transient(fault) {
            // the longer it lasts, the longer it will probably last
            return Next::Later((age / 4).clamp(Duration::from_millis(100), LONGEST));
        }
        let wait = usize::try_from(attempts).ok().and_then(|attempts| self.waits.get(attempts));
        wait.map_or(Next::Never, |wait| Next::Again(*wait))
    }

    /// The age at which an event is given up, whatever the reason.
    pub(crate) fn give_up(&self) -> Duration {
        self.give_up
    }

    /// The waits that there are.
    pub(crate) fn waits(&self) -> &[Duration] {
        &self.waits
    }
}

/// Whether the same delivery can be expected to work later without anyone doing anything.
pub(crate) fn is_transient(fault: &Fault) -> bool {
    matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded | Code::TooManyRequests)
}

/// Whom an event is for, when it is told.
#[derive(Debug, Clone)]
pub(crate) enum Audience {
    /// Whoever wants it: found out later.
    Everyone,
    /// Those of these who want its type.
    Known(Arc<[Listener]>),
}

impl Audience {
    /// The listeners of a type.
    pub(crate) fn of(&self, kind: &str) -> Vec<&'static str> {
        match self {
            Self::Everyone => vec![EVERYONE],
            Self::Known(all) => all.iter().filter(|listener| listener.wants(kind)).map(Listener::name).collect(),
        }
    }
}

/// The way of events to their listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None: events go straight.
    broker: Option<Broker>,
    listeners: Arc<[Listener]>,
    at_once: usize,
    plan: RetryPlan,
}

/// The way to nobody.
impl Default for Bus {
    fn default() -> Self {
        let config = Config::default();
        let (plan, at_once) = (RetryPlan::of(&config), config.prefetch.into());
        Self(Arc::new(Inner { broker: None, listeners: Arc::default(), at_once, plan }))
    }
}

impl Bus {
    /// The way to these listeners, wherever they run. What goes through a broker is signed with `key`.
    ///
    /// # Errors
    /// When a setting is out of its range. The broker need not be there yet.
    pub fn new(config: &Config, listeners: Vec<Listener>, key: InternalKey) -> Result<Self, BoxError> {
        if !(1..=1_000).contains(&config.prefetch) {
            return Err("events.prefetch must be 1 to 1000".into());
        }
        if config.retry_ms.is_empty() || config.retry_ms.iter().any(|wait| !(1..=86_400_000).contains(wait)) {
            return Err("events.retry_ms must have at least one wait, each of 1 ms to a day".into());
        }
        if !(1..=720).contains(&config.give_up_hours) {
            return Err("events.give_up_hours must be 1 to 720".into());
        }
        let plan = RetryPlan::of(config);
        let broker = match config.broker_url.as_str() {
            "" => None,
            _ => Some(Broker::new(config, &listeners, plan.clone(), key)?),
        };
        Ok(Self(Arc::new(Inner { broker, listeners: listeners.into(), at_once: config.prefetch.into(), plan })))
    }

    /// When events are handed over again, and given up.
    pub(crate) fn retry_plan(&self) -> &RetryPlan {
        &self.0.plan
    }

    /// How many events a listener handles at the same time.
    pub(crate) fn at_once(&self) -> usize {
        self.0.at_once
    }

    /// All listeners of the shop.
    pub(crate) fn listeners(&self) -> &[Listener] {
        &self.0.listeners
    }

    /// Whom the relay of this process knows. With a broker it need not know anyone.
    pub(crate) fn audience(&self) -> Audience {
        match self.0.broker {
            None => Audience::Known(self.0.listeners.clone()),
            Some(_) => Audience::Everyone,
        }
    }

    /// Lets a listener of this process take what comes for it. Without a broker nothing is to be done: its callers
    /// come by themselves.
    pub fn listen(&self, name: &str, jobs: &Jobs) {
        if let (Some(broker), Some(listener)) = (&self.0.broker, self.0.listeners.iter().find(|l| l.name() == name)) {
            broker::consume(broker.clone(), listener.clone(), jobs);
        }
    }

    /// The broker, if there is one.
    pub fn broker(&self) -> Option<&Broker> {
        self.0.broker.as_ref()
    }
}

/// Hands an event to a listener, and measures it.
pub(crate) async fn handled(listener: &Listener, event: &Envelope) -> Result<(), Fault> {
    let result = listener.handle(event.clone()).await;
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
