//! Wakes workers.

use crate::NotificationChannel;
use std::sync::Arc;
use tokio::sync::Notify;

/// Wakes the workers when a notification was queued. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Wake {
    email: Arc<Notify>,
    sms: Arc<Notify>,
}

impl Wake {
    pub(crate) fn of(&self, channel: NotificationChannel) -> &Notify {
        match channel {
            NotificationChannel::Email => &self.email,
            NotificationChannel::Sms => &self.sms,
        }
    }
}
