//! A listener's end of the broker.

use super::{
    broker::{ATTEMPTS, Broker, Lost, REASON, send},
    handled,
};
use crate::{
    Envelope, Fault, Listener,
    jobs::{Beat, CancellationToken},
    outbox::is_passing,
};
use backon::BackoffBuilder;
use futures_util::{StreamExt, TryStreamExt};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::{AMQPValue, FieldTable},
};
use std::time::{Duration, Instant};

/// Takes what comes, over one connection after the other, until `stop`.
pub(crate) async fn run(broker: Broker, listener: Listener, stop: CancellationToken, beat: Beat) {
    let pauses = || {
        let pauses = backon::ExponentialBuilder::default().with_min_delay(Duration::from_millis(100));
        pauses.with_max_delay(Duration::from_secs(5)).with_jitter().without_max_times().build()
    };
    let mut pause = pauses();
    loop {
        let started = Instant::now();
        let Err(lost) = session(&broker, &listener, &stop, &beat).await else { return };
        beat.failed();
        crate::error::log_seldom("broker", |again| {
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

/// Ends without an error at `stop`, when what was begun is finished.
async fn session(broker: &Broker, listener: &Listener, stop: &CancellationToken, beat: &Beat) -> Result<(), Lost> {
    let (connection, channel) = broker.connect(listener.name()).await?;
    channel.basic_qos(broker.prefetch(), BasicQosOptions::default()).await?;
    let (queue, tag) = (broker.queue(listener.name()), listener.name().into());
    let consumer = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await?;
    tracing::info!(listener = listener.name(), "takes events from the broker");
    let deliveries = consumer.map_err(Lost::from).take_until(stop.cancelled());
    let work =
        deliveries.try_for_each_concurrent(usize::from(broker.prefetch()), |delivery| take(broker, listener, &channel, delivery));
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
        return Err(Lost("the consumer was cancelled".into()));
    }
    // what was delivered and not begun goes back to the queue
    connection.close(200, "stopping".into()).await.map_err(Lost::from)
}

/// Acknowledges a message when its work is done or it is in another queue. Fails only when the broker is lost.
async fn take(broker: &Broker, listener: &Listener, channel: &Channel, delivery: Delivery) -> Result<(), Lost> {
    let name = listener.name();
    if delivery.redelivered {
        metrics::counter!("souk_events_redelivered_total", "listener" => name).increment(1);
    }
    let result = match serde_json::from_slice::<Envelope>(&delivery.data) {
        Ok(event) => handled(listener, &event).await,
        Err(e) => Err(Fault::internal(format_args!("a message that is no event: {e}"))),
    };
    if let Err(fault) = result {
        let attempts = attempts(&delivery);
        let waits = broker.plan().waits();
        let (queue, attempts) = match (is_passing(&fault), broker.plan().wait(attempts)) {
            // soon, but not at once: everything behind it will fail in the same way
            (true, _) => (broker.retry_queue(name, waits[1.min(waits.len() - 1)]), attempts),
            (false, Some(wait)) => (broker.retry_queue(name, wait), attempts + 1),
            (false, None) => {
                tracing::error!(listener = name, event = ?delivery.properties.message_id(), error = %fault, "dead letter");
                metrics::counter!("souk_dead_letters_total", "place" => name).increment(1);
                (broker.dead_queue(name), attempts + 1)
            }
        };
        let mut headers = FieldTable::default();
        headers.insert(ATTEMPTS.into(), AMQPValue::LongInt(attempts));
        headers.insert(REASON.into(), AMQPValue::LongString(fault.to_string().into()));
        send(channel, queue, &delivery.data, delivery.properties.clone().with_headers(headers)).await?;
    }
    delivery.ack(BasicAckOptions::default()).await?;
    Ok(())
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
