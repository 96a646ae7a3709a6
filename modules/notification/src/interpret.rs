//! The meaning of other modules' events for this one.

use crate::{
    NotificationKind,
    notice::{AccountFacts, Confirmation, Facts, Notice},
    store::stored::Contact,
};
use kernel::{Envelope, Event, Fault, UserId};
use order::{OrderCancelled, OrderDelivered, OrderFacts, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use payment::PaymentFailed;
use product::StockLow;
use serde::Deserialize;
use user::{UserChanged, UserConfirmationRequested, UserFacts, UserRegistered};

/// The meaning of an event.
pub(crate) struct Interpretation {
    /// The user that the event is about; `None` when it is for the shop itself.
    pub(crate) user: Option<UserId>,
    /// The new name and addresses of the user, if the event has them.
    pub(crate) contact: Option<Contact>,
    /// The notice to them, if any.
    pub(crate) notice: Option<Notice>,
}

/// Reads an event; `None` when its type means nothing to this module.
///
/// # Errors
/// `internal` when its data cannot be read.
pub(crate) fn interpret(event: &Envelope) -> Result<Option<Interpretation>, Fault> {
    if let Some(UserRegistered { user, confirm_token }) = event.read()? {
        let confirmation = confirm_token.map(|token| Confirmation { email: user.email.clone(), token });
        let notice = Notice { kind: NotificationKind::UserRegistered, facts: Facts::Account(AccountFacts { confirmation }) };
        return Ok(Some(Interpretation { user: Some(user.user_id), contact: Some(contact(user, event)), notice: Some(notice) }));
    }
    if let Some(UserChanged(user)) = event.read()? {
        return Ok(Some(Interpretation { user: Some(user.user_id), contact: Some(contact(user, event)), notice: None }));
    }
    if let Some(UserConfirmationRequested { user_id, email, confirm_token: token, .. }) = event.read()? {
        let facts = AccountFacts { confirmation: Some(Confirmation { email, token }) };
        let notice = Notice { kind: NotificationKind::ConfirmationRequested, facts: Facts::Account(facts) };
        return Ok(Some(Interpretation { user: Some(user_id), contact: None, notice: Some(notice) }));
    }
    if let Some(failed) = event.read::<PaymentFailed>()? {
        let (user, kind) = (Some(failed.user_id), NotificationKind::PaymentFailed);
        return Ok(Some(Interpretation { user, contact: None, notice: Some(Notice { kind, facts: Facts::Payment(failed) }) }));
    }
    if let Some(low) = event.read::<StockLow>()? {
        let notice = Notice { kind: NotificationKind::StockLow, facts: Facts::Stock(low) };
        return Ok(Some(Interpretation { user: None, contact: None, notice: Some(notice) }));
    }
    let Some((kind, order)) = order_event(event)? else { return Ok(None) };
    let user = Some(order.user_id);
    Ok(Some(Interpretation { user, contact: None, notice: Some(Notice { kind, facts: Facts::Order(order) }) }))
}

fn contact(user: UserFacts, event: &Envelope) -> Contact {
    let UserFacts { user_id, email, first_name, last_name, phone, email_confirmed, .. } = user;
    let (updated_at, version) = (event.time, event.aggregateversion);
    Contact { user_id, email, first_name, last_name, phone, updated_at, version, email_confirmed }
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
    // all events of an order have the same facts
    let facts = OrderFacts::deserialize(&event.data);
    let facts = facts.map_err(|e| event.unreadable(&e))?;
    Ok(Some((kind, facts)))
}
