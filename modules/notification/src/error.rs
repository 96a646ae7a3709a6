use kernel::{ApiError, Fault};

/// Errors of notifications.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "notification")]
pub enum NotificationError {
    /// There is no such notification, or it is another user's.
    #[error("Notification not found")]
    #[api(not_found)]
    NotFound,
    /// The notification is still waiting to be sent.
    #[error("The notification is still queued")]
    #[api(conflict)]
    StillQueued,
    /// Mail does not go to the development mailbox in this process.
    #[error("There is no development mailbox here")]
    #[api(not_found)]
    NoMailbox,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
