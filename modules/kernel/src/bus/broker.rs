//! RabbitMQ.
use super::{Config, RetryPlan};
use crate::{BoxError, Envelope, Fault, Listener, jobs::CancellationToken};

/// A broker.
#[derive(Debug, Clone)]
pub struct Broker;
pub(crate) struct Publisher;
impl Broker {
    pub(crate) fn new(_: &Config, _: &[Listener], _: RetryPlan) -> Result<Self, BoxError> {
        Err("not yet".into())
    }
    pub(crate) fn publisher(&self) -> Publisher {
        Publisher
    }
}
impl Publisher {
    pub(crate) async fn publish(&mut self, events: impl Iterator<Item = &Envelope>) -> Vec<Result<(), Fault>> {
        events.map(|_| Err(Fault::unavailable("x", "y"))).collect()
    }
}
pub(crate) fn consume(_: Broker, _: Listener, _: CancellationToken) {}
