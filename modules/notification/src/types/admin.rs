//! Types for admins.

use super::{
    language_tag::language_tag,
    words::{EventId, NotificationChannel, NotificationId, NotificationKind, NotificationStatus},
};
use garde::Validate;
use kernel::{
    MAX_PAGE, MAX_PER_PAGE, Pagination, Request, UserId,
    chrono::{DateTime, Utc},
    rules::between,
    text::Line,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A notification without its texts, for admins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationEntry {
    /// Id of the notification.
    pub id: NotificationId,
    /// Id of the event for which it was recorded.
    pub event_id: EventId,
    /// Id of its user; 0 for mail to the shop itself.
    #[schema(value_type = i64, minimum = 0, example = 1)]
    pub user_id: UserId,
    /// Kind of the notification.
    pub kind: NotificationKind,
    /// Channel by which it is sent.
    pub channel: NotificationChannel,
    /// Language of the texts (BCP 47).
    #[schema(example = "en")]
    pub locale: String,
    /// E-mail address or phone number to which it was sent; `null` until then.
    #[schema(example = "leyla@example.com")]
    pub recipient: Option<String>,
    /// Subject of the message; an SMS is sent without it.
    #[schema(example = "Your order S-00000042 has been shipped")]
    pub subject: String,
    /// Status of the notification.
    pub status: NotificationStatus,
    /// Number of attempts that failed or whose outcome is not known. Attempts while the mail server or the provider could not be
    /// reached do not count.
    pub attempts: u32,
    /// Error of the last attempt, without addresses and numbers; `null` when there was none.
    #[schema(example = "The mail server refused it: 550 no such mailbox")]
    pub last_error: Option<String>,
    /// Time of the next attempt while it is queued.
    pub due_at: DateTime<Utc>,
    /// Time at which the notification was recorded.
    pub created_at: DateTime<Utc>,
    /// Time at which it was accepted by the mail server or SMS provider; `null` until then.
    pub sent_at: Option<DateTime<Utc>>,
    /// Time at which its user marked it as read; `null` while it is unread.
    pub read_at: Option<DateTime<Utc>>,
}

/// A page of notifications of all users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationEntryPage {
    /// Notifications of this page, the newest first.
    pub notifications: Vec<NotificationEntry>,
    /// Position of the page in the list.
    pub pagination: Pagination,
}

/// A notification with its texts, for admins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationRecord {
    /// The notification without its texts.
    pub notification: NotificationEntry,
    /// Plain text of the message. Codes and links that confirm an address are masked.
    pub text: String,
    /// Text as HTML; `null` for an SMS.
    pub html: Option<String>,
}

/// Which notifications of all users to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListAllNotifications {
    /// Number of the page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Notifications on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only notifications with this status.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<NotificationStatus>,
    /// Only notifications of this user.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Only notifications of this kind.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<NotificationKind>,
    /// Only notifications of this channel.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<NotificationChannel>,
}

/// Which template to preview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PreviewTemplate {
    /// Kind of the notification.
    #[garde(skip)]
    pub kind: NotificationKind,
    /// Channel of the message.
    #[garde(skip)]
    pub channel: NotificationChannel,
    /// Language (BCP 47); absent for the shop's.
    #[garde(inner(custom(language_tag)))]
    #[schema(
        value_type = Option<String>,
        max_length = 35,
        pattern = "^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)?$",
        example = "de-AT"
    )]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    pub locale: Option<Line<35>>,
}

/// A template rendered with example data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplatePreview {
    /// The available locale nearest to the requested one.
    #[schema(example = "de")]
    pub locale: String,
    /// Subject of the message; an SMS is sent without it.
    pub subject: String,
    /// Plain text of the message.
    pub text: String,
    /// Text as HTML; `null` for an SMS.
    pub html: Option<String>,
}
