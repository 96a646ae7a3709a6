//! Whom an event is for, as far as the process that publishes it knows.

use crate::Listener;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// The listener of a row that is for all who want it: the broker knows them, or the relay finds out.
pub const EVERYONE: &str = "";

/// Whom an event is for, when it is told.
#[derive(Debug, Clone)]
pub(crate) enum Audience {
    /// Whoever wants it: found out later.
    Everyone,
    /// Those of these who want its type.
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

/// What a database knows of the relay that delivers its events, in this process.
#[derive(Debug, Default)]
pub(crate) struct Hook {
    pub(super) audience: OnceLock<Audience>,
    pub(super) commits: watch::Sender<()>,
}

impl Hook {
    /// Events were told, and committed.
    pub(crate) fn committed(&self) {
        self.commits.send_replace(());
    }

    /// Whom events of a type are for. Without a relay, as in a command of an operator, nobody knows yet.
    pub(super) fn listeners(&self, kind: &str) -> Vec<&'static str> {
        self.audience.get().unwrap_or(&Audience::Everyone).of(kind)
    }
}
