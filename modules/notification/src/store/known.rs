//! Stored values that this release knows. A newer release may have written others.

use crate::{ChannelChoice, NotificationChannel, NotificationKind, NotificationPreferences, NotificationStatus};
use kernel::{Code, Fault};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A rule of every kind of store: its name, and what is true.
pub(super) const SENT: (&str, &str) =
    ("notification.sent", "a notification has the time when it was sent if and only if it was sent");

/// Reads stored preferences, without the kinds that this release does not know.
pub(super) fn read_preferences(stored: &str) -> Result<NotificationPreferences, Fault> {
    #[derive(Deserialize)]
    struct Stored {
        #[serde(default)]
        locale: Option<String>,
        #[serde(default)]
        kinds: BTreeMap<String, Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        email: bool,
        sms: bool,
    }
    let stored: Stored = serde_json::from_str(stored).map_err(Fault::internal)?;
    let known = |(kind, Choice { email, sms }): (String, Choice)| Some((kind.parse().ok()?, ChannelChoice { email, sms }));
    let kinds = stored.kinds.into_iter().filter_map(known).collect();
    Ok(NotificationPreferences { locale: stored.locale.map(Into::into), kinds })
}

/// The answer to an idempotency key that was used for another notification.
pub(super) fn key_of_another() -> Fault {
    Fault::new(Code::Unprocessable, "This Idempotency-Key was used for another request")
}

/// The kinds of this release. Rows with others are left to the release that wrote them; the same holds for channels and statuses.
pub(super) fn known_kinds() -> impl Iterator<Item = &'static str> {
    NotificationKind::ALL.iter().map(|kind| kind.as_str())
}

pub(super) fn known_channels() -> impl Iterator<Item = &'static str> {
    NotificationChannel::ALL.iter().map(|channel| channel.as_str())
}

pub(super) fn known_statuses() -> impl Iterator<Item = &'static str> {
    NotificationStatus::ALL.iter().map(|status| status.as_str())
}
