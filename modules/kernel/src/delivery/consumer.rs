//! Consumes the queue of a listener.

use super::{
    broker::{ATTEMPTS, Broker, BrokerError, REASON, REPLAYED, SIGNATURE, attempts, header, send},
    handle::call_listener,
    plan::Next,
};
use crate::{
    Code, Envelope, Fault, Listener,
    jobs::{Beat, CancellationToken, Jobs},
    log::log_seldom,
    now,
    pauses::pauses,
};
use chrono::DateTime;
use futures_util::{StreamExt, TryStreamExt};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use std::time::{Duration, Instant};

/// Starts the consumer of a local listener.
pub(crate) fn start(broker: Broker, listener: Listener, jobs: &Jobs) {
    dead_letters(&listener).increment(0);
    let stop = jobs.stopping().clone();
    jobs.keep(format!("{}.consumer", listener.name()), move |beat| run(broker.clone(), listener.clone(), stop.clone(), beat));
}

fn dead_letters(listener: &Listener) -> metrics::Counter {
    metrics::counter!("souk_dead_letters_total", "place" => "broker", "listener" => listener.name())
}

/// Consumes over one connection after the other, until `stop`.
async fn run(broker: Broker, listener: Listener, stop: CancellationToken, beat: Beat) {
    let pauses = || pauses(Duration::from_millis(100), Duration::from_secs(5));
    let mut pause = pauses();
    loop {
        let started = Instant::now();
        let Err(lost) = session(&broker, &listener, &stop, &beat).await else { return };
        beat.failed();
        log_seldom("broker", |again| {
            tracing::warn!(listener = listener.name(), error = %lost, again, "lost the broker; connecting again");
        });
        if started.elapsed() > Duration::from_secs(10) {
            pause = pauses();
        }
        let wait = tokio::time::sleep(pause.next().unwrap_or_default());
        if stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

/// Consumes over one connection. Ends without an error at `stop`, when the deliveries that were begun are finished.
async fn session(broker: &Broker, listener: &Listener, stop: &CancellationToken, beat: &Beat) -> Result<(), BrokerError> {
    let (connection, channel) = broker.connect(listener.name()).await?;
    channel.basic_qos(broker.prefetch(), BasicQosOptions::default()).await?;
    let (queue, tag) = (broker.queue(listener.name()), listener.name().into());
    let consumer = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await?;
    tracing::info!(listener = listener.name(), "consumes events from the broker");
    let deliveries = consumer.map_err(BrokerError::from).take_until(stop.cancelled());
    let work = deliveries
        .try_for_each_concurrent(usize::from(broker.prefetch()), |delivery| consume(broker, listener, &channel, delivery));
    // a connection that is open is alive: heartbeats see to that
    let alive = async {
        loop {
            beat.succeeded();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        ended = work => ended?,
        () = alive => {}
    }
    if !stop.is_cancelled() {
        return Err(BrokerError("the consumer was cancelled".into()));
    }
    // deliveries that were not begun go back to the queue
    connection.close(200, "stopping".into()).await.map_err(BrokerError::from)
}

/// Acknowledges a message when its work is done or it is in another queue. Fails only when the broker is lost.
async fn consume(broker: &Broker, listener: &Listener, channel: &Channel, delivery: Delivery) -> Result<(), BrokerError> {
    let name = listener.name();
    if delivery.redelivered {
        metrics::counter!("souk_events_redelivered_total", "listener" => name).increment(1);
    }
    if let Err((fault, next)) = handle(broker, listener, &delivery).await {
        let attempts = attempts(&delivery);
        let (queue, attempts) = match next {
            Next::Defer(wait) => (broker.retry_queue(name, nearest(broker.plan().waits(), wait)), attempts),
            Next::Retry(wait) => (broker.retry_queue(name, wait), attempts + 1),
            Next::DeadLetter => {
                tracing::error!(listener = name, event = ?delivery.properties.message_id(), error = %fault, "dead letter");
                dead_letters(listener).increment(1);
                (broker.dead_queue(name), attempts + 1)
            }
        };
        // the signature and the other headers stay
        let mut headers = delivery.properties.headers().clone().unwrap_or_default();
        headers.insert(ATTEMPTS.into(), AMQPValue::LongInt(attempts));
        headers.insert(REASON.into(), AMQPValue::LongString(fault.to_string().into()));
        send(channel, queue, &delivery.data, delivery.properties.clone().with_headers(headers)).await?;
    }
    delivery.ack(BasicAckOptions::default()).await?;
    Ok(())
}

/// Lets the listener handle a message, and returns the next step if that fails.
async fn handle(broker: &Broker, listener: &Listener, delivery: &Delivery) -> Result<(), (Fault, Next)> {
    let is_signed = match header(delivery, SIGNATURE) {
        Some(AMQPValue::LongString(signature)) => {
            str::from_utf8(signature.as_bytes()).is_ok_and(|signature| broker.key().verify_bytes(&delivery.data, signature))
        }
        _ => false,
    };
    if !is_signed {
        // otherwise any client of the broker could publish in the name of a module
        return Err((Fault::new(Code::Unauthenticated, "Not signed by this shop"), Next::DeadLetter));
    }
    let event = match serde_json::from_slice::<Envelope>(&delivery.data) {
        Ok(event) => event,
        Err(e) => {
            let fault = Fault::internal(format_args!("a message that is no event: {e}")).with_message("The event cannot be read");
            return Err((fault, Next::DeadLetter));
        }
    };
    if !listener.wants(&event.r#type) {
        // bound by an older release: it is not wanted now
        return Ok(());
    }
    let Err(fault) = call_listener(listener, &event).await else { return Ok(()) };
    let replayed = match header(delivery, REPLAYED) {
        Some(AMQPValue::LongLongInt(seconds)) => DateTime::from_timestamp(*seconds, 0),
        _ => None,
    };
    let since = replayed.map_or(event.time, |replayed| replayed.max(event.time));
    let age = (now() - since).to_std().unwrap_or_default();
    let next = broker.plan().after(&fault, attempts(delivery), age);
    Err((fault, next))
}

/// The longest of `waits`, each of which has a queue, that is not longer than `wanted`; the shortest if all are longer.
fn nearest(waits: &[Duration], wanted: Duration) -> Duration {
    let shorter = waits.iter().copied().filter(|wait| *wait <= wanted).max();
    shorter.or_else(|| waits.iter().copied().min()).unwrap_or(wanted)
}
