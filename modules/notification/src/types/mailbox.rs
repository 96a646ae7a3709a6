//! Types for developers: the development mailbox.

use super::words::{NotificationChannel, NotificationId, NotificationKind};
use kernel::chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Content of the development mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mailbox {
    /// Messages, the newest first; at most 100.
    pub messages: Vec<MailboxMessage>,
}

/// An unsent message in the development mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MailboxMessage {
    /// Id of the notification.
    pub id: NotificationId,
    /// Kind of the notification.
    pub kind: NotificationKind,
    /// Channel by which it would have been sent.
    pub channel: NotificationChannel,
    /// E-mail address or phone number of the recipient.
    #[schema(example = "leyla@example.com")]
    pub to: String,
    /// Subject of the message; an SMS is sent without it.
    pub subject: String,
    /// Plain text of the message.
    pub text: String,
    /// Text as HTML; `null` for an SMS.
    pub html: Option<String>,
    /// Time at which it would have been sent.
    pub sent_at: DateTime<Utc>,
}
