//! The state that all operations share.

use crate::{NotificationChannel, NotificationError, mailbox::RecentMessages, store::Store, templates::Templates, wake::Wake};

pub(crate) type Result<T> = std::result::Result<T, NotificationError>;

/// The service: notifications in a store.
#[derive(Clone)]
pub struct Notifications {
    pub(crate) store: Store,
    pub(crate) templates: Templates,
    /// The channels that are not turned off: only their notifications are recorded.
    pub(crate) channels: Vec<NotificationChannel>,
    /// The address to which the shop wants to be told of low stock.
    pub(crate) stock_mail_to: Option<String>,
    pub(crate) wake: Wake,
    pub(crate) mailbox: Option<RecentMessages>,
}
