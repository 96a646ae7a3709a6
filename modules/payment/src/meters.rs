//! The metrics of the module. Money is counted in minor units of its currency, such as cents.

use kernel::{Currency, Money};

/// What became of a payment.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Succeeded,
    Declined,
    NotReached,
    Refunded,
}

impl End {
    const ALL: [Self; 4] = [Self::Succeeded, Self::Declined, Self::NotReached, Self::Refunded];

    fn counter(self) -> metrics::Counter {
        let outcome = match self {
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::NotReached => "not_reached",
            Self::Refunded => "refunded",
        };
        metrics::counter!("souk_payments_total", "outcome" => outcome)
    }

    /// Counts one that is stored.
    pub(crate) fn count(self, amount: Money) {
        self.counter().increment(1);
        let money = match self {
            Self::Succeeded => revenue(amount.currency),
            Self::Refunded => refunds(amount.currency),
            Self::Declined | Self::NotReached => return,
        };
        money.increment(u64::try_from(amount.minor).unwrap_or_default());
    }
}

fn revenue(currency: Currency) -> metrics::Counter {
    metrics::counter!("souk_revenue_minor_units_total", "currency" => currency.to_string())
}

fn refunds(currency: Currency) -> metrics::Counter {
    metrics::counter!("souk_refunds_minor_units_total", "currency" => currency.to_string())
}

pub(crate) fn start() {
    metrics::describe_counter!("souk_payments_total", "Payments, by their outcome at the provider");
    metrics::describe_counter!("souk_revenue_minor_units_total", "Money charged, in minor units of its currency");
    metrics::describe_counter!("souk_refunds_minor_units_total", "Money given back, in minor units of its currency");
    // an increase from nothing is none to Prometheus; further currencies begin with their first payment
    End::ALL.iter().for_each(|end| end.counter().increment(0));
    revenue(Currency::default()).increment(0);
    refunds(Currency::default()).increment(0);
}
