//! The subject of a message to a user or the shop, with its facts.

use crate::NotificationKind;
use order::{CancelReason, OrderFacts};
use payment::PaymentFailed;
use product::StockLow;

/// A notice, independent of channel and language.
pub(crate) struct Notice {
    pub(crate) kind: NotificationKind,
    pub(crate) facts: Facts,
}

/// The facts of a notice.
pub(crate) enum Facts {
    Account(AccountFacts),
    Order(OrderFacts),
    Payment(PaymentFailed),
    Stock(StockLow),
}

/// The facts about an account.
#[derive(Default)]
pub(crate) struct AccountFacts {
    /// The e-mail address to confirm; `None` when no confirmation is needed.
    pub(crate) confirmation: Option<Confirmation>,
}

/// An e-mail address to confirm and its token, which is mailed to that address only and never shown.
pub(crate) struct Confirmation {
    pub(crate) email: String,
    pub(crate) token: String,
}

impl Notice {
    /// The confirmation that the notice asks for, if any.
    pub(crate) fn confirmation(&self) -> Option<&Confirmation> {
        match &self.facts {
            Facts::Account(account) => account.confirmation.as_ref(),
            _ => None,
        }
    }

    /// Removes text that its user may have typed, for addresses that are not confirmed.
    pub(crate) fn impersonal(mut self) -> Self {
        if let Facts::Order(facts) = &mut self.facts {
            // notes on shipments, and the shop's reasons, are written by the shop
            let is_of_the_shop = facts.reason == Some(CancelReason::Shop)
                || matches!(self.kind, NotificationKind::OrderShipped | NotificationKind::OrderDelivered);
            if !is_of_the_shop {
                facts.note = None;
            }
        }
        self
    }
}
