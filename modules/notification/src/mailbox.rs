//! The development mailbox: unsent messages in the memory of the process.

use crate::MailboxMessage;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// The highest number of messages.
const CAPACITY: usize = 100;

/// The last messages. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RecentMessages(Arc<Mutex<VecDeque<MailboxMessage>>>);

impl RecentMessages {
    pub(crate) fn add(&self, message: MailboxMessage) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.truncate(CAPACITY - 1);
        messages.push_front(message);
    }

    /// The messages, the newest first.
    pub(crate) fn messages(&self) -> Vec<MailboxMessage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
