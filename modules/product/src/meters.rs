//! The metrics of the module.

/// Orders whose stock was refused.
pub(crate) fn stock_conflicts() -> metrics::Counter {
    metrics::counter!("souk_stock_conflicts_total")
}

/// Holds that ended because their order neither bought nor released the stock.
pub(crate) fn expired_holds() -> metrics::Counter {
    metrics::counter!("souk_holds_expired_total")
}

/// Sizes of pictures that were made.
pub(crate) fn sizes_made() -> metrics::Counter {
    metrics::counter!("souk_media_sizes_made_total")
}

pub(crate) fn start() {
    metrics::describe_counter!("souk_stock_conflicts_total", "Holds that were refused because there was too little stock");
    metrics::describe_counter!("souk_holds_expired_total", "Holds that their orders neither sold nor released in time");
    metrics::describe_counter!(
        "souk_media_sizes_made_total",
        "Sizes of pictures that were made, because they were asked for the first time"
    );
    // an increase from nothing is none to Prometheus
    stock_conflicts().increment(0);
    expired_holds().increment(0);
    sizes_made().increment(0);
}
