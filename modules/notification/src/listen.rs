//! The events that the module consumes.

use kernel::Event;
use order::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use payment::PaymentFailed;
use product::StockLow;
use user::{UserChanged, UserConfirmationRequested, UserRegistered};

/// The types of events that lead to notifications, or contain the addresses of users.
pub(crate) const LISTENS: &[&str] = &[
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
    StockLow::TYPE,
];
