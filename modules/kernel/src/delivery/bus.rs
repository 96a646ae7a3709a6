//! The listeners of a shop, and how they are reached.

use super::{audience::Audience, broker::Broker, config::Config, consumer, plan::RetryPlan};
use crate::{BoxError, InternalKey, Listener, jobs::Jobs};
use std::sync::Arc;

/// Delivers events to the listeners of a shop, directly or through a broker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None: events are delivered directly.
    broker: Option<Broker>,
    listeners: Arc<[Listener]>,
    at_once: usize,
    plan: RetryPlan,
}

/// A bus without listeners.
impl Default for Bus {
    fn default() -> Self {
        let config = Config::default();
        let (plan, at_once) = (RetryPlan::of(&config), config.prefetch.into());
        Self(Arc::new(Inner { broker: None, listeners: Arc::default(), at_once, plan }))
    }
}

impl Bus {
    /// A bus to these listeners, local or remote. Messages through a broker are signed with `key`.
    ///
    /// # Errors
    /// When a setting is out of its range. The broker need not be up yet.
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

    /// When deliveries are retried, and given up.
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

    /// The listeners that a relay addresses events to. With a broker it need not know them.
    pub(crate) fn audience(&self) -> Audience {
        match self.0.broker {
            None => Audience::Known(self.0.listeners.clone()),
            Some(_) => Audience::Everyone,
        }
    }

    /// Starts the consumer of a local listener. Without a broker there is none: the relays call the listener.
    pub fn listen(&self, name: &str, jobs: &Jobs) {
        if let (Some(broker), Some(listener)) = (&self.0.broker, self.0.listeners.iter().find(|l| l.name() == name)) {
            consumer::start(broker.clone(), listener.clone(), jobs);
        }
    }

    /// The broker, if there is one.
    pub fn broker(&self) -> Option<&Broker> {
        self.0.broker.as_ref()
    }
}
