//! The metrics of the module.

use kernel::db::Tx;

/// A change of an order that is counted.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
    Expired,
    Refunded,
}

impl Change {
    const ALL: [Self; 7] =
        [Self::Placed, Self::Paid, Self::Shipped, Self::Delivered, Self::Cancelled, Self::Expired, Self::Refunded];

    fn counter(self) -> metrics::Counter {
        let state = match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        };
        metrics::counter!("souk_orders_total", "state" => state)
    }

    /// Counts this change of so many orders, once it is committed.
    pub(crate) fn count(self, tx: &Tx, orders: usize) {
        tx.count(self.counter(), orders as u64);
    }
}

pub(crate) fn start() {
    metrics::describe_counter!("souk_orders_total", "Orders that came into a state");
    // an increase from nothing is none to Prometheus
    Change::ALL.iter().for_each(|change| change.counter().increment(0));
}
