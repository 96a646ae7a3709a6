//! What the module listens to.

use crate::{EventId, NotificationApi, NotificationClient, NotificationError};
use kernel::{Event, Fault, Listener};
use order::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use payment::PaymentFailed;
use user::{UserChanged, UserConfirmationRequested, UserRegistered};

/// The types of the events that lead to notifications, or say where these go.
pub const LISTENS: &[&str] = &[
    UserRegistered::TYPE,
    UserChanged::TYPE,
    UserConfirmationRequested::TYPE,
    OrderPlaced::TYPE,
    OrderPaid::TYPE,
    OrderShipped::TYPE,
    OrderDelivered::TYPE,
    OrderCancelled::TYPE,
    OrderRefunded::TYPE,
    PaymentFailed::TYPE,
];

/// The module as a listener, wherever it runs.
pub fn listener(client: NotificationClient) -> Listener {
    Listener::new("notification", LISTENS, move |cx, event| {
        let client = client.clone();
        async move {
            client.handle(&cx, EventId(event.id), event).await.map_err(|error| match error {
                NotificationError::Fault(fault) => fault,
                other => Fault::internal(other),
            })
        }
    })
}
