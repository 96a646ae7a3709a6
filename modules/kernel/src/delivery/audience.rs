//! The listeners of an event, as far as the process that publishes it knows them.

use crate::Listener;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// The listener of a row that is not addressed yet: the broker routes it, or the relay addresses it.
pub const EVERYONE: &str = "";

/// The listeners that an event is addressed to when it is published.
#[derive(Debug, Clone)]
pub(crate) enum Audience {
    /// Not known yet: the event is addressed later.
    Everyone,
    /// The ones in this list that want its type.
    Known(Arc<[Listener]>),
}

impl Audience {
    /// The listeners of a type.
    pub(crate) fn of(&self, kind: &str) -> Vec<&'static str> {
        match self {
            Self::Everyone => vec![EVERYONE],
            Self::Known(all) => all.iter().filter(|listener| listener.wants(kind)).map(Listener::name).collect(),
        }
    }
}

/// Connects a database with the relay that delivers its events: the relay says who listens, a commit wakes it.
#[derive(Debug, Default)]
pub(crate) struct Hook {
    pub(super) audience: OnceLock<Audience>,
    pub(super) commits: watch::Sender<()>,
}

impl Hook {
    /// Wakes the relay: events were committed.
    pub(crate) fn committed(&self) {
        self.commits.send_replace(());
    }

    /// The listeners of a type. Without a relay, as in a command of an operator, they are not known yet.
    pub(super) fn listeners(&self, kind: &str) -> Vec<&'static str> {
        self.audience.get().unwrap_or(&Audience::Everyone).of(kind)
    }
}
