//! Whether a database can be used now, and what time it is there.

use super::connection;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;
use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// What a database is to those who want to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It can be used.
    Open,
    /// It is brought up for the first time: whoever comes waits a moment.
    Starting,
    /// It cannot be used, for this reason: nobody waits.
    Away(String),
}

#[derive(Debug)]
pub(super) struct Gate {
    /// What `state` says, for those who come often.
    is_open: AtomicBool,
    state: watch::Sender<State>,
    /// How long whoever comes at the start waits.
    patience: Duration,
    /// Whether a statement has succeeded since the last look.
    is_used: AtomicBool,
    /// Something failed in a way that the server may be away.
    pub(super) doubt: Notify,
    /// A moment, here and there.
    clock: RwLock<Option<(Instant, DateTime<Utc>)>>,
}

impl Gate {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            is_open: AtomicBool::new(true),
            state: watch::Sender::new(State::Open),
            patience,
            is_used: AtomicBool::default(),
            doubt: Notify::new(),
            clock: RwLock::default(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, state: State) {
        self.is_open.store(state == State::Open, Ordering::Relaxed);
        self.state.send_replace(state);
    }

    /// Why it cannot be used; none when it can.
    pub(super) fn why(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Open => None,
            State::Starting => Some("starting".into()),
            State::Away(why) => Some(why.clone()),
        }
    }

    /// Waits until it can be used, if that can be expected soon.
    pub(super) async fn opened(&self) -> Result<(), DbErr> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Starting);
        match tokio::time::timeout(self.patience, settled).await {
            Ok(Ok(state)) if *state == State::Open => Ok(()),
            _ => Err(connection::away()),
        }
    }

    /// Waits until it can be used, however long that takes.
    pub(super) async fn open(&self) {
        // the sender is part of this
        drop(self.state.subscribe().wait_for(|state| *state == State::Open).await);
    }

    /// Hears how a statement ended.
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

    /// Notes what time it is there: it was `there` between `before` and now.
    pub(super) fn set_clock(&self, before: Instant, there: DateTime<Utc>) {
        let here = before + before.elapsed() / 2;
        *self.clock.write().unwrap_or_else(PoisonError::into_inner) = Some((here, there));
    }

    /// What time it is there, to the millisecond or so; before anybody has asked, what time it is here.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let anchor = *self.clock.read().unwrap_or_else(PoisonError::into_inner);
        let Some((here, there)) = anchor else { return crate::now() };
        // by the monotonic clock: the wall clock here may be wrong, and may jump
        let since = TimeDelta::from_std(here.elapsed()).unwrap_or_default();
        crate::clock::truncated(there + since)
    }
}
