//! What the events of other modules mean for this one.

use crate::{NotificationKind, store::Contact};
use kernel::{Envelope, Event, Fault, UserId};
use order::{OrderCancelled, OrderDelivered, OrderFacts, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use payment::PaymentFailed;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use user::{UserChanged, UserRegistered};

/// What an event says.
pub(crate) struct News {
    /// Whom it is about.
    pub(crate) user: UserId,
    /// Name and addresses of the user, if it is about them.
    pub(crate) contact: Option<Contact>,
    /// What the user is to be told, if anything.
    pub(crate) notice: Option<Notice>,
}

/// What a user is told.
pub(crate) struct Notice {
    pub(crate) kind: NotificationKind,
    pub(crate) facts: Facts,
}

/// The facts of a notice.
pub(crate) enum Facts {
    /// A welcome has none.
    None,
    /// About an order.
    Order(OrderFacts),
    /// About a payment.
    Payment(PaymentFailed),
}

/// Reads an event; none when it is of a type that says nothing here.
///
/// # Errors
/// `internal` when its data cannot be read.
pub(crate) fn read(event: &Envelope) -> Result<Option<News>, Fault> {
    if let Some(UserRegistered { user_id, email, first_name, last_name, phone, .. }) = event.read()? {
        let contact = Contact { user_id, email, first_name, last_name, phone, updated_at: event.time };
        let notice = Notice { kind: NotificationKind::UserRegistered, facts: Facts::None };
        return Ok(Some(News { user: user_id, contact: Some(contact), notice: Some(notice) }));
    }
    if let Some(UserChanged { user_id, email, first_name, last_name, phone, .. }) = event.read()? {
        let contact = Contact { user_id, email, first_name, last_name, phone, updated_at: event.time };
        return Ok(Some(News { user: user_id, contact: Some(contact), notice: None }));
    }
    if let Some(failed) = event.read::<PaymentFailed>()? {
        let (user, kind) = (failed.user_id, NotificationKind::PaymentFailed);
        return Ok(Some(News { user, contact: None, notice: Some(Notice { kind, facts: Facts::Payment(failed) }) }));
    }
    let Some((kind, order)) = order_event(event)? else { return Ok(None) };
    Ok(Some(News { user: order.user_id, contact: None, notice: Some(Notice { kind, facts: Facts::Order(order) }) }))
}

fn order_event(event: &Envelope) -> Result<Option<(NotificationKind, OrderFacts)>, Fault> {
    let kind = match event.r#type.as_str() {
        OrderPlaced::TYPE => NotificationKind::OrderPlaced,
        OrderPaid::TYPE => NotificationKind::OrderPaid,
        OrderShipped::TYPE => NotificationKind::OrderShipped,
        OrderDelivered::TYPE => NotificationKind::OrderDelivered,
        OrderCancelled::TYPE => NotificationKind::OrderCancelled,
        OrderRefunded::TYPE => NotificationKind::OrderRefunded,
        _ => return Ok(None),
    };
    // they all tell the same facts
    let facts = OrderFacts::deserialize(&event.data);
    let facts = facts.map_err(|e| event.unreadable(&e))?;
    Ok(Some((kind, facts)))
}

impl Notice {
    /// A notice of this kind with example data, with or without what may be left out.
    ///
    /// # Errors
    /// `internal` when the example is not what events are.
    pub(crate) fn example(kind: NotificationKind, note: Option<&str>) -> Result<Self, Fault> {
        let facts = match kind {
            NotificationKind::UserRegistered => Facts::None,
            NotificationKind::PaymentFailed => Facts::Payment(of(json!({
                "payment_id": "01890a5d-ac96-774b-bcce-b302099a8057", "order_id": 42, "user_id": 7,
                "amount": 1073.5, "currency": "EUR", "reason": "card_declined",
            }))?),
            _ => Facts::Order(of(json!({
                "order_id": 42, "number": "S-00000042", "user_id": 7,
                "items": [
                    {"product_id": 1, "name": "Copper coffee pot", "unit_price": 34.5, "quantity": 2, "subtotal": 69},
                    {"product_id": 2, "name": "Kilim <red & blue>", "unit_price": 1004.5, "quantity": 1, "subtotal": 1004.5},
                ],
                "total": 1073.5, "currency": "EUR", "note": note,
            }))?),
        };
        Ok(Self { kind, facts })
    }
}

fn of<T: DeserializeOwned>(facts: Value) -> Result<T, Fault> {
    serde_json::from_value(facts).map_err(Fault::internal)
}
