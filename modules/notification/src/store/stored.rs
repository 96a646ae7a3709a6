//! Contacts and notifications as both kinds of stores keep them.

use super::message::{MASK, Message};
use crate::{EventId, NotificationChannel, NotificationId, NotificationKind, NotificationStatus};
use kernel::{
    Trace, UserId,
    chrono::{DateTime, SubsecRound, Utc},
};
use uuid::Uuid;

/// The current time in milliseconds, the precision of both kinds of stores.
pub(crate) fn now() -> DateTime<Utc> {
    kernel::now().trunc_subsecs(3)
}

/// Name and addresses of a user, from the user module's events: this module calls no other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contact {
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) phone: Option<String>,
    /// Time of the event.
    pub(crate) updated_at: DateTime<Utc>,
    /// Version of the user in the event; 0 when it has none.
    pub(crate) version: i64,
    /// Whether the user has confirmed the e-mail address. Until then no text that the user typed is mailed there.
    pub(crate) email_confirmed: bool,
}

impl Contact {
    /// Whether this contact is not older than the known one: by version, or by time if a version is missing or both are equal.
    pub(crate) fn replaces(&self, known: &Self) -> bool {
        if self.version != 0 && known.version != 0 && self.version != known.version {
            return self.version > known.version;
        }
        self.updated_at >= known.updated_at
    }
}

/// In place of a user: the shop itself. Ids of users are from 1.
pub(crate) const SHOP: UserId = UserId(0);

/// A notification.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: NotificationId,
    pub(crate) event_id: EventId,
    /// Its user, or [`SHOP`].
    pub(crate) user_id: UserId,
    pub(crate) kind: NotificationKind,
    pub(crate) channel: NotificationChannel,
    pub(crate) locale: String,
    pub(crate) recipient: Option<String>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    pub(crate) status: NotificationStatus,
    pub(crate) attempts: u32,
    pub(crate) last_error: Option<String>,
    /// When to send it; during an attempt, the end of its lease.
    pub(crate) due_at: DateTime<Utc>,
    /// When it was last queued, from which its waiting time is counted.
    pub(crate) queued_at: DateTime<Utc>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    /// Number of claims since the last recorded outcome. More than one: the outcome of earlier attempts is not known.
    pub(crate) claims: u32,
    /// The only address to which it may go; `None` for the user's current one.
    pub(crate) address: Option<String>,
    /// The token that replaces [`MASK`] when it is sent. It is never shown.
    pub(crate) secret: Option<String>,
    /// Whether it contains text that its user typed: it goes to a confirmed address only.
    pub(crate) is_personal: bool,
    /// The idempotency key of the last `resend`.
    pub(crate) resend_key: Option<String>,
    /// The trace in which it is sent.
    pub(crate) trace: Option<Trace>,
}

impl Row {
    /// The notification with its secret, to be sent.
    pub(crate) fn reveal(&self) -> Self {
        let mut row = self.clone();
        if let Some(secret) = row.secret.take() {
            row.text = row.text.replace(MASK, &secret);
            row.html = row.html.map(|html| html.replace(MASK, &secret));
        }
        row
    }

    /// Its state when it was last queued.
    pub(crate) fn into_queued(self) -> Self {
        Self {
            status: NotificationStatus::Queued,
            attempts: 0,
            last_error: None,
            recipient: None,
            sent_at: None,
            due_at: self.queued_at,
            ..self
        }
    }

    /// A new notification, due at once.
    pub(crate) fn new(
        event: Uuid,
        user: UserId,
        kind: NotificationKind,
        channel: NotificationChannel,
        message: Message,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: NotificationId(Uuid::now_v7()),
            event_id: EventId(event),
            user_id: user,
            kind,
            channel,
            locale: message.locale,
            recipient: None,
            subject: message.subject,
            text: message.text,
            html: message.html,
            status: NotificationStatus::Queued,
            attempts: 0,
            last_error: None,
            due_at: now,
            queued_at: now,
            created_at: now,
            sent_at: None,
            read_at: None,
            claims: 0,
            address: None,
            secret: None,
            is_personal: false,
            resend_key: None,
            trace: None,
        }
    }
}

/// The filter of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) user: Option<UserId>,
    pub(crate) unread: Option<bool>,
    pub(crate) status: Option<NotificationStatus>,
    pub(crate) kind: Option<NotificationKind>,
    pub(crate) channel: Option<NotificationChannel>,
}

/// The new state of a notification after a failed attempt.
#[derive(Debug, Clone)]
pub(crate) struct Setback {
    /// `Queued` for another attempt, or `Failed`.
    pub(crate) status: NotificationStatus,
    pub(crate) attempts: u32,
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) reason: String,
}
