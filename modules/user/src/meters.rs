//! The metrics of the module.

/// How a login ended.
#[derive(Clone, Copy)]
pub(crate) enum Login {
    Succeeded,
    WrongCredentials,
    Deactivated,
    TooMany,
}

impl Login {
    const ALL: [Self; 4] = [Self::Succeeded, Self::WrongCredentials, Self::Deactivated, Self::TooMany];

    pub(crate) fn counter(self) -> metrics::Counter {
        let outcome = match self {
            Self::Succeeded => "succeeded",
            Self::WrongCredentials => "wrong_credentials",
            Self::Deactivated => "deactivated",
            Self::TooMany => "too_many",
        };
        metrics::counter!("souk_logins_total", "outcome" => outcome)
    }
}

/// Accounts that customers opened.
pub(crate) fn sign_ups() -> metrics::Counter {
    metrics::counter!("souk_sign_ups_total")
}

pub(crate) fn start() {
    metrics::describe_counter!("souk_logins_total", "Logins with a password; all but succeeded were refused");
    metrics::describe_counter!("souk_sign_ups_total", "Accounts that customers opened");
    // an increase from nothing is none to Prometheus
    Login::ALL.iter().for_each(|login| login.counter().increment(0));
    sign_ups().increment(0);
}
