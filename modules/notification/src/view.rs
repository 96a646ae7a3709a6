//! Types of the contract from stored notifications.

use crate::{MailboxMessage, Notification, NotificationChannel, NotificationEntry, NotificationRecord, store::stored::Row};
use kernel::now;

pub(crate) fn to_notification(row: Row) -> Notification {
    Notification {
        id: row.id,
        kind: row.kind,
        channel: row.channel,
        locale: row.locale,
        subject: row.subject,
        text: row.text,
        status: row.status,
        created_at: row.created_at,
        sent_at: row.sent_at,
        read_at: row.read_at,
    }
}

pub(crate) fn to_record(row: Row) -> NotificationRecord {
    let notification = NotificationEntry {
        id: row.id,
        event_id: row.event_id,
        user_id: row.user_id,
        kind: row.kind,
        channel: row.channel,
        locale: row.locale,
        recipient: row.recipient,
        subject: row.subject,
        status: row.status,
        attempts: row.attempts,
        last_error: row.last_error,
        due_at: row.due_at,
        created_at: row.created_at,
        sent_at: row.sent_at,
        read_at: row.read_at,
    };
    NotificationRecord { notification, text: row.text, html: row.html }
}

/// A notification as the development mailbox shows it.
pub(crate) fn to_mailbox_message(row: &Row, to: &str) -> MailboxMessage {
    MailboxMessage {
        id: row.id,
        kind: row.kind,
        channel: row.channel,
        to: to.into(),
        subject: row.subject.clone(),
        text: row.text.clone(),
        html: row.html.clone().filter(|_| row.channel == NotificationChannel::Email),
        sent_at: now(),
    }
}
