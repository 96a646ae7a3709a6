//! Publishing to the broker, and waiting until it confirms.

use super::{
    audience::EVERYONE,
    broker::{Broker, BrokerError, PATIENCE, signed},
    handle::outcome_of,
};
use crate::{
    Envelope, Fault,
    trace::{self, Kind},
};
use lapin::{BasicProperties, Channel, Confirmation, Connection, options::BasicPublishOptions, types::ShortString};
use tracing::Span;

/// A relay's connection to the broker, made again when it is lost.
pub(crate) struct Publisher {
    broker: Broker,
    open: Option<(Connection, Channel)>,
}

impl Publisher {
    pub(crate) fn new(broker: Broker) -> Self {
        Self { broker, open: None }
    }

    /// Publishes events for everyone, or for one listener, and returns an outcome for each, in the same order. `Ok` means that
    /// the event is in every queue that wants it.
    pub(crate) async fn publish(&mut self, to: &str, events: &[Envelope]) -> Vec<Result<(), Fault>> {
        match self.try_publish(to, events).await {
            Ok(outcomes) => outcomes,
            Err(lost) => {
                self.open = None;
                // logged once for all events
                let fault = Fault::from(lost);
                events.iter().map(|_| Err(fault.clone())).collect()
            }
        }
    }

    async fn try_publish(&mut self, to: &str, events: &[Envelope]) -> Result<Vec<Result<(), Fault>>, BrokerError> {
        if self.open.is_none() {
            self.open = Some(self.broker.connect("relay").await?);
        }
        let Some((_, channel)) = &self.open else { return Err(BrokerError("no connection".into())) };
        let work = async {
            // all on their way before the first confirmation is awaited: a quorum queue confirms some hundred batches a second
            let mut confirmations = Vec::with_capacity(events.len());
            for event in events {
                let span = span(event);
                let json = serde_json::to_vec(event).map_err(|e| BrokerError(e.to_string()))?;
                let options = BasicPublishOptions { mandatory: true, ..Default::default() };
                let properties = properties(event).with_headers(signed(self.broker.key(), &json)?);
                let (exchange, key) = match to {
                    EVERYONE => (self.broker.exchange(), event.r#type.as_str().into()),
                    listener => (ShortString::default(), self.broker.queue(listener)),
                };
                confirmations.push((channel.basic_publish(exchange, key, options, &json, properties).await?, span));
            }
            let mut outcomes = Vec::with_capacity(events.len());
            for (event, (confirmation, _span)) in events.iter().zip(confirmations) {
                outcomes.push(match confirmation.await? {
                    Confirmation::Ack(None) => Ok(()),
                    // no listener of the shop wants it, and no other queue is bound
                    Confirmation::Ack(Some(_)) if to == EVERYONE && !self.broker.is_wanted(&event.r#type) => Ok(()),
                    Confirmation::Ack(Some(returned)) => {
                        Err(Fault::from(BrokerError(format!("{}: {}", event.r#type, returned.reply_text))))
                    }
                    Confirmation::Nack(_) | Confirmation::NotRequested => {
                        Err(Fault::from(BrokerError("the broker refused it".into())))
                    }
                });
            }
            Ok::<_, BrokerError>(outcomes)
        };
        let outcomes =
            tokio::time::timeout(PATIENCE, work).await.map_err(|_| BrokerError("no confirmation in time".into()))??;
        for (event, outcome) in events.iter().zip(&outcomes) {
            let (kind, outcome) = (event.r#type.clone(), outcome_of(outcome));
            metrics::counter!("souk_events_published_total", "type" => kind, "outcome" => outcome).increment(1);
        }
        if outcomes.iter().any(Result::is_err) {
            // a queue may have been removed: the next connection declares it again
            self.open = None;
        }
        Ok(outcomes)
    }
}

/// The span of an event that is published, in the trace in which it happened.
fn span(event: &Envelope) -> Span {
    let name = format_args!("publish {}", event.r#type);
    trace::begin(event.trace(), Kind::Producer, name, |_| Span::none()).recorded
}

fn properties(event: &Envelope) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type(Envelope::MEDIA_TYPE.into())
        .with_message_id(event.id.to_string().into())
        .with_type(event.r#type.as_str().into())
}
