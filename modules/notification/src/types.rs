use garde::Validate;
use kernel::{
    MAX_PAGE, MAX_PER_PAGE, Pagination, Request, UserId,
    chrono::{DateTime, Utc},
    rules::between,
    text::Line,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};
use utoipa::{IntoParams, ToSchema};

kernel::uuid_id!(
    /// A notification.
    NotificationId
);
kernel::uuid_id!(
    /// An event that led to notifications.
    EventId
);

/// Defines a closed set of words: on the wire, in stores and in metrics they are the same. (`tt`: utoipa cannot read the name out of
/// a captured literal.)
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:tt,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $word,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        // from a text, so that faults can name the key of a map; the derived one would not let them
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(|_| D::Error::unknown_variant(&text, &[$($text,)*]))
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| format!("{text:?} is no {}", stringify!($name)))
            }
        }
    };
}

words! {
    /// What a notification is about: the event that led to it.
    NotificationKind {
        /// Welcome: an account was opened.
        UserRegistered = "user.registered",
        /// A user wants to prove an e-mail address. Always by e-mail, whatever was chosen.
        ConfirmationRequested = "user.confirmation_requested",
        /// An order was placed and awaits payment.
        OrderPlaced = "order.placed",
        /// An order was paid.
        OrderPaid = "order.paid",
        /// An order is on its way.
        OrderShipped = "order.shipped",
        /// An order has arrived.
        OrderDelivered = "order.delivered",
        /// An order was cancelled.
        OrderCancelled = "order.cancelled",
        /// The money of an order was given back.
        OrderRefunded = "order.refunded",
        /// A payment was refused.
        PaymentFailed = "payment.failed",
    }
}

words! {
    /// How a notification reaches its user.
    NotificationChannel {
        /// By e-mail.
        Email = "email",
        /// By SMS.
        Sms = "sms",
    }
}

words! {
    /// What has become of a notification.
    NotificationStatus {
        /// It is to be sent, or to be sent again.
        Queued = "queued",
        /// It was handed to the mail server or the SMS provider.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }
}

/// A notification, as its user sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// What it is about.
    pub kind: NotificationKind,
    /// How it was sent.
    pub channel: NotificationChannel,
    /// Language of the texts (BCP 47).
    #[schema(example = "en")]
    pub locale: String,
    /// Subject; for an SMS, too.
    #[schema(example = "Your order S-00000042 has been shipped")]
    pub subject: String,
    /// The text. Codes and links that prove an address are masked.
    pub text: String,
    /// What has become of it.
    pub status: NotificationStatus,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When its user marked it as read.
    pub read_at: Option<DateTime<Utc>>,
}

/// A page of notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationPage {
    /// The notifications.
    pub notifications: Vec<Notification>,
    /// How many of all your notifications are unread.
    #[schema(example = 3)]
    pub unread: u64,
    /// Where in the list the page is.
    pub pagination: Pagination,
}

/// A notification, as admins see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationEntry {
    /// Its id.
    pub id: NotificationId,
    /// The event that led to it.
    pub event_id: EventId,
    /// Whom it is for.
    pub user_id: UserId,
    /// What it is about.
    pub kind: NotificationKind,
    /// How it is sent.
    pub channel: NotificationChannel,
    /// Language of the texts (BCP 47).
    #[schema(example = "en")]
    pub locale: String,
    /// The address or number that it was sent to; none before it was sent.
    #[schema(example = "leyla@example.com")]
    pub recipient: Option<String>,
    /// Subject; for an SMS, too.
    #[schema(example = "Your order S-00000042 has been shipped")]
    pub subject: String,
    /// What has become of it.
    pub status: NotificationStatus,
    /// Attempts to send it that failed, or of which nobody knows. When the mail server or the provider could not be reached, that
    /// does not count.
    pub attempts: u32,
    /// Why the last attempt failed, without addresses and numbers.
    #[schema(example = "The mail server refused it: 550 no such mailbox")]
    pub last_error: Option<String>,
    /// When it is to be sent, or sent again.
    pub due_at: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When its user marked it as read.
    pub read_at: Option<DateTime<Utc>>,
}

/// A page of notifications of all users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationEntryPage {
    /// The notifications.
    pub notifications: Vec<NotificationEntry>,
    /// Where in the list the page is.
    pub pagination: Pagination,
}

/// A notification, as admins see it, with its texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationRecord {
    /// The notification.
    pub notification: NotificationEntry,
    /// The text. Codes and links that prove an address are masked.
    pub text: String,
    /// The text as HTML; none for an SMS.
    pub html: Option<String>,
}

/// Which of your notifications to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListNotifications {
    /// Page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Notifications on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// `true`: only unread ones; `false`: only read ones.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// Only those about this.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<NotificationKind>,
    /// Only those that are sent this way.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<NotificationChannel>,
}

/// Which notifications of all users to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListAllNotifications {
    /// Page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Notifications on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only those of which this has become.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<NotificationStatus>,
    /// Only those for this user.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Only those about this.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<NotificationKind>,
    /// Only those that are sent this way.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<NotificationChannel>,
}

/// What a user wants to be told, how, and in which language.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NotificationPreferences {
    /// Language (BCP 47); none: the shop's. Where there are no texts in it, the nearest that there is.
    #[garde(inner(custom(language_tag)))]
    #[schema(
        value_type = Option<String>,
        max_length = 35,
        pattern = "^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)?$",
        example = "de-AT"
    )]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    pub locale: Option<Line<35>>,
    /// For each kind of notification, how it is told. A kind that is left out is told as it is by default.
    #[garde(skip)]
    #[schema(
        value_type = Option<BTreeMap<NotificationKind, ChannelChoice>>,
        example = json!({"order.placed": {"email": true, "sms": false}, "order.shipped": {"email": true, "sms": true}})
    )]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    pub kinds: BTreeMap<NotificationKind, ChannelChoice>,
}

/// How one kind of notification is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChoice {
    /// Whether by e-mail.
    pub email: bool,
    /// Whether by SMS.
    pub sms: bool,
}

/// Which template to preview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct PreviewTemplate {
    /// What about.
    #[garde(skip)]
    pub kind: NotificationKind,
    /// For which way of sending.
    #[garde(skip)]
    pub channel: NotificationChannel,
    /// In which language (BCP 47); the shop's if left out.
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

/// What a template makes of example data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplatePreview {
    /// The locale that was found for the one that was asked for.
    #[schema(example = "de")]
    pub locale: String,
    /// Subject; an SMS is sent without it.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The text as HTML; none for an SMS.
    pub html: Option<String>,
}

/// What the development mailbox has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mailbox {
    /// The messages, the newest first.
    pub messages: Vec<MailboxMessage>,
}

/// A message that would have been sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MailboxMessage {
    /// The notification.
    pub id: NotificationId,
    /// What it is about.
    pub kind: NotificationKind,
    /// How it would have been sent.
    pub channel: NotificationChannel,
    /// To which address or number.
    #[schema(example = "leyla@example.com")]
    pub to: String,
    /// Subject; for an SMS, too.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The text as HTML; none for an SMS.
    pub html: Option<String>,
    /// When.
    pub sent_at: DateTime<Utc>,
}

/// A language tag: `de`, `de-AT`, `zh-Hant-TW`.
fn language_tag<C>(tag: &str, _: &C) -> garde::Result {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
    let rest = parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if is_language && rest && tag.len() <= 35 {
        Ok(())
    } else {
        Err(garde::Error::new("must be a language tag such as de or de-AT (BCP 47)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::PartialSchema;

    #[test]
    fn words_are_documented_as_they_are_written() {
        fn documented<T: PartialSchema>() -> serde_json::Value {
            serde_json::to_value(T::schema()).expect("a schema")["enum"].clone()
        }
        assert_eq!(documented::<NotificationKind>(), serde_json::to_value(NotificationKind::ALL).expect("words"));
        assert_eq!(documented::<NotificationChannel>(), serde_json::json!(["email", "sms"]));
        assert_eq!(documented::<NotificationStatus>(), serde_json::json!(["queued", "sent", "failed"]));
        for kind in NotificationKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.as_str());
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }
}
