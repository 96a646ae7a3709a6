//! Whether a database can be used now.

use super::connection;
use sea_orm::DbErr;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::sync::{Notify, watch};

/// The state of a database for its callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It can be used.
    Available,
    /// It is brought up for the first time: callers wait a moment.
    Starting,
    /// It cannot be used, for this reason: callers do not wait.
    Away(String),
}

/// Whether a database can be used now, shared by its pools and its monitor.
#[derive(Debug)]
pub(super) struct Availability {
    /// The same as `state` says, cheap to read.
    is_available: AtomicBool,
    state: watch::Sender<State>,
    /// How long callers wait while it starts.
    patience: Duration,
    /// Whether a statement has succeeded since the last probe.
    is_used: AtomicBool,
    /// Wakes the monitor: a statement has lost its connection.
    pub(super) doubt: Notify,
}

impl Availability {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            is_available: AtomicBool::new(true),
            state: watch::Sender::new(State::Available),
            patience,
            is_used: AtomicBool::default(),
            doubt: Notify::new(),
        }
    }

    pub(super) fn is_available(&self) -> bool {
        self.is_available.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, state: State) {
        self.is_available.store(state == State::Available, Ordering::Relaxed);
        self.state.send_replace(state);
    }

    /// Why it cannot be used; none when it can.
    pub(super) fn why(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Available => None,
            State::Starting => Some("starting".into()),
            State::Away(why) => Some(why.clone()),
        }
    }

    /// Waits until it can be used, if that can be expected soon.
    pub(super) async fn when_started(&self) -> Result<(), DbErr> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Starting);
        match tokio::time::timeout(self.patience, settled).await {
            Ok(Ok(state)) if *state == State::Available => Ok(()),
            _ => Err(connection::away()),
        }
    }

    /// Waits until it can be used, however long that takes.
    pub(super) async fn available(&self) {
        // the sender is part of this
        drop(self.state.subscribe().wait_for(|state| *state == State::Available).await);
    }

    /// Notes how a statement ended.
    pub(super) fn note_outcome(&self, is_lost: bool) {
        if is_lost {
            self.doubt.notify_one();
        } else if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a statement has succeeded since the last call of this.
    pub(super) fn was_used(&self) -> bool {
        self.is_used.swap(false, Ordering::Relaxed)
    }
}
