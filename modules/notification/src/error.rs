use kernel::{ApiError, Fault};

/// What can go wrong with notifications.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "notification")]
pub enum NotificationError {
    /// There is no such notification, or it is someone else's.
    #[error("Notification not found")]
    #[api(not_found)]
    NotFound,
    /// The notification is still to be sent: there is nothing to send again.
    #[error("The notification is still queued")]
    #[api(conflict)]
    StillQueued,
    /// This process sends mail, or none at all; it does not keep it for developers.
    #[error("There is no development mailbox here")]
    #[api(not_found)]
    NoMailbox,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
