//! Types for users.

use super::{
    language_tag::language_tag,
    words::{NotificationChannel, NotificationId, NotificationKind, NotificationStatus},
};
use garde::Validate;
use kernel::{
    MAX_PAGE, MAX_PER_PAGE, Pagination, Request,
    chrono::{DateTime, Utc},
    rules::between,
    text::Line,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A notification, for its user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Id of the notification.
    pub id: NotificationId,
    /// Kind of the notification.
    pub kind: NotificationKind,
    /// Channel by which it is sent.
    pub channel: NotificationChannel,
    /// Language of the texts (BCP 47).
    #[schema(example = "en")]
    pub locale: String,
    /// Subject of the message; an SMS is sent without it.
    #[schema(example = "Your order S-00000042 has been shipped")]
    pub subject: String,
    /// Plain text of the message. Codes and links that confirm an address are masked.
    pub text: String,
    /// Status of the notification.
    pub status: NotificationStatus,
    /// Time at which the notification was recorded.
    pub created_at: DateTime<Utc>,
    /// Time at which it was accepted by the mail server or SMS provider; `null` until then.
    pub sent_at: Option<DateTime<Utc>>,
    /// Time at which its user marked it as read; `null` while it is unread.
    pub read_at: Option<DateTime<Utc>>,
}

/// A page of notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationPage {
    /// Notifications of this page, the newest first.
    pub notifications: Vec<Notification>,
    /// Number of all your unread notifications, whatever the filter.
    #[schema(example = 3)]
    pub unread: u64,
    /// Position of the page in the list.
    pub pagination: Pagination,
}

/// Which of your notifications to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListNotifications {
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
    /// `true`: only unread notifications; `false`: only read ones.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// Only notifications of this kind.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<NotificationKind>,
    /// Only notifications of this channel.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<NotificationChannel>,
}

/// Preferences of a user: kinds of notifications, channels, and language.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NotificationPreferences {
    /// Language of the texts (BCP 47); `null` for the shop's. If there are no texts in it, the nearest language is used.
    #[garde(inner(custom(language_tag)))]
    #[schema(
        value_type = Option<String>,
        max_length = 35,
        pattern = "^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)?$",
        example = "de-AT"
    )]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    pub locale: Option<Line<35>>,
    /// Channels for each kind of notification. A missing kind gets its default: e-mail, and also SMS when an order is shipped or
    /// delivered.
    #[garde(skip)]
    #[schema(
        value_type = Option<BTreeMap<NotificationKind, ChannelChoice>>,
        example = json!({"order.placed": {"email": true, "sms": false}, "order.shipped": {"email": true, "sms": true}})
    )]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    pub kinds: BTreeMap<NotificationKind, ChannelChoice>,
}

/// Channels of one kind of notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChoice {
    /// Whether to send it by e-mail.
    pub email: bool,
    /// Whether to send it by SMS.
    pub sms: bool,
}
