//! What the events of other modules mean for this one.

use crate::{NotificationKind, store::Contact};
use kernel::{Envelope, Event, Fault, UserId};
use order::{CancelReason, OrderCancelled, OrderDelivered, OrderFacts, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use payment::PaymentFailed;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use user::{UserChanged, UserConfirmationRequested, UserRegistered};

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
    /// About an account.
    Account(AccountFacts),
    /// About an order.
    Order(OrderFacts),
    /// About a payment.
    Payment(PaymentFailed),
}

/// What there is to say about an account.
#[derive(Default)]
pub(crate) struct AccountFacts {
    /// The address that is to be proved, and the token that proves it.
    pub(crate) proof: Option<Proof>,
}

/// An address that is to be proved, and the token that proves it: it goes to that address only, and is shown nowhere.
pub(crate) struct Proof {
    pub(crate) email: String,
    pub(crate) token: String,
}

/// Reads an event; none when it is of a type that says nothing here.
///
/// # Errors
/// `internal` when its data cannot be read.
pub(crate) fn read(event: &Envelope) -> Result<Option<News>, Fault> {
    let (updated_at, version) = (event.time, event.aggregateversion);
    if let Some(registered) = event.read()? {
        let UserRegistered { user_id, email, first_name, last_name, phone, email_confirmed, confirm_token, .. } = registered;
        let proof = confirm_token.map(|token| Proof { email: email.clone(), token });
        let contact = Contact { user_id, email, first_name, last_name, phone, updated_at, version, email_confirmed };
        let notice = Notice { kind: NotificationKind::UserRegistered, facts: Facts::Account(AccountFacts { proof }) };
        return Ok(Some(News { user: user_id, contact: Some(contact), notice: Some(notice) }));
    }
    if let Some(UserChanged { user_id, email, first_name, last_name, phone, email_confirmed, .. }) = event.read()? {
        let contact = Contact { user_id, email, first_name, last_name, phone, updated_at, version, email_confirmed };
        return Ok(Some(News { user: user_id, contact: Some(contact), notice: None }));
    }
    if let Some(UserConfirmationRequested { user_id, email, confirm_token: token, .. }) = event.read()? {
        let kind = NotificationKind::ConfirmationRequested;
        let notice = Notice { kind, facts: Facts::Account(AccountFacts { proof: Some(Proof { email, token }) }) };
        return Ok(Some(News { user: user_id, contact: None, notice: Some(notice) }));
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
    /// The notices of a kind with example data: with what may be left out, without it, and with all words that there are. The first
    /// one has the most.
    ///
    /// # Errors
    /// `internal` when the example is not what events are.
    pub(crate) fn examples(kind: NotificationKind) -> Result<Vec<Self>, Fault> {
        let proof = || Some(Proof { email: "leyla@example.com".into(), token: "token".into() });
        let account = |proof| Ok(Facts::Account(AccountFacts { proof }));
        let facts: Result<Vec<Facts>, Fault> = match kind {
            NotificationKind::UserRegistered => [proof(), None].map(account).into_iter().collect(),
            NotificationKind::ConfirmationRequested => account(proof()).map(|facts| vec![facts]),
            NotificationKind::PaymentFailed => {
                let failed = |reason: &str| {
                    of(json!({
                        "payment_id": "01890a5d-ac96-774b-bcce-b302099a8057", "order_id": 42, "user_id": 7,
                        "amount": 1073.5, "currency": "EUR", "reason": reason,
                    }))
                };
                ["card_declined", "another_reason"].into_iter().map(|reason| failed(reason).map(Facts::Payment)).collect()
            }
            NotificationKind::OrderCancelled => [
                (Some(CancelReason::Shop), Some("As you asked")),
                (Some(CancelReason::Customer), None),
                (Some(CancelReason::NotPaid), None),
                (Some(CancelReason::StockLost), None),
                (None, None),
            ]
            .into_iter()
            .map(|(reason, note)| order(reason, note))
            .collect(),
            _ => [Some("Parcel 0034"), None].into_iter().map(|note| order(None, note)).collect(),
        };
        Ok(facts?.into_iter().map(|facts| Self { kind, facts }).collect())
    }

    /// The proof in it, if there is one.
    pub(crate) fn proof(&self) -> Option<&Proof> {
        match &self.facts {
            Facts::Account(account) => account.proof.as_ref(),
            _ => None,
        }
    }

    /// Takes out what its user may have typed, for those who have not proved that the address is theirs.
    pub(crate) fn impersonal(mut self) -> Self {
        if let Facts::Order(facts) = &mut self.facts {
            // what is said about a shipment, or by the shop, the shop's people have written
            let is_of_the_shop = facts.reason == Some(CancelReason::Shop)
                || matches!(self.kind, NotificationKind::OrderShipped | NotificationKind::OrderDelivered);
            if !is_of_the_shop {
                facts.note = None;
            }
        }
        self
    }
}

fn order(reason: Option<CancelReason>, note: Option<&str>) -> Result<Facts, Fault> {
    let facts = of(json!({
        "order_id": 42, "number": "S-00000042", "user_id": 7,
        "items": [
            {"product_id": 1, "name": "Copper coffee pot", "unit_price": 34.5, "quantity": 2, "subtotal": 69},
            {"product_id": 2, "name": "Kilim <red & blue>", "unit_price": 1004.5, "quantity": 1, "subtotal": 1004.5},
        ],
        "total": 1073.5, "currency": "EUR", "reason": reason, "note": note,
    }))?;
    Ok(Facts::Order(facts))
}

fn of<T: DeserializeOwned>(facts: Value) -> Result<T, Fault> {
    serde_json::from_value(facts).map_err(Fault::internal)
}
