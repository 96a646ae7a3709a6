//! The metrics of the module.

use crate::OrderStatus;
use kernel::db::Tx;

/// Counts orders that came into a status, once this is committed.
pub(crate) fn count(tx: &Tx, status: OrderStatus, orders: usize) {
    tx.count(counter(status), orders as u64);
}

fn counter(status: OrderStatus) -> metrics::Counter {
    // the metric is about what happened
    let state = if status == OrderStatus::Pending { "placed" } else { status.as_str() };
    metrics::counter!("souk_orders_total", "state" => state)
}

pub(crate) fn start() {
    use OrderStatus::{Cancelled, Delivered, Expired, Paid, Pending, Refunded, Shipped};
    metrics::describe_counter!("souk_orders_total", "Orders that came into a state");
    // an increase from nothing is none to Prometheus
    for status in [Pending, Paid, Shipped, Delivered, Cancelled, Expired, Refunded] {
        counter(status).increment(0);
    }
}
