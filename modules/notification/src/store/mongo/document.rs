//! The documents of MongoDB.

use crate::{
    EventId, NotificationChannel, NotificationId, NotificationKind, NotificationStatus,
    store::stored::{Contact, Row},
};
use kernel::{
    Trace, UserId,
    chrono::{DateTime, Utc},
};
use serde::{Deserialize, Serialize};

/// A notification.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RowDocument(#[serde(with = "RowFields")] pub(super) Row);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Row")]
struct RowFields {
    #[serde(rename = "_id", with = "text")]
    id: NotificationId,
    #[serde(with = "text")]
    event_id: EventId,
    user_id: UserId,
    kind: NotificationKind,
    channel: NotificationChannel,
    locale: String,
    recipient: Option<String>,
    subject: String,
    text: String,
    html: Option<String>,
    status: NotificationStatus,
    attempts: u32,
    last_error: Option<String>,
    #[serde(with = "date")]
    due_at: DateTime<Utc>,
    #[serde(with = "date")]
    queued_at: DateTime<Utc>,
    #[serde(with = "date")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "date::serialize_optional", deserialize_with = "date::deserialize_optional")]
    sent_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "date::serialize_optional", deserialize_with = "date::deserialize_optional")]
    read_at: Option<DateTime<Utc>>,
    #[serde(default)]
    claims: u32,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    is_personal: bool,
    #[serde(default)]
    resend_key: Option<String>,
    #[serde(default, with = "optional_text")]
    trace: Option<Trace>,
}

/// The contact of a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ContactDocument(#[serde(with = "ContactFields")] pub(super) Contact);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Contact")]
struct ContactFields {
    #[serde(rename = "_id")]
    user_id: UserId,
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    #[serde(with = "micros")]
    updated_at: DateTime<Utc>,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    email_confirmed: bool,
}

/// The preferences of a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PreferencesDocument {
    #[serde(rename = "_id")]
    pub(super) user_id: UserId,
    /// As JSON: the names of kinds contain dots, which are operators in queries.
    pub(super) preferences: String,
}

/// An event that is being handled, or was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct InboxDocument {
    #[serde(rename = "_id")]
    pub(super) event_id: String,
    /// The notifications of the event; empty once they are stored.
    pub(super) rows: Vec<RowDocument>,
    pub(super) is_done: bool,
    #[serde(with = "date")]
    pub(super) at: DateTime<Utc>,
}

/// Ids as text, which is the same in every form of BSON.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    pub(crate) fn serialize<T: Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// As [`text`], where there may be none.
mod optional_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::{fmt::Display, str::FromStr};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(T::to_string).serialize(serializer)
    }

    /// What cannot be read counts as none.
    pub(crate) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
    }
}

/// Times as dates of BSON, which TTL indexes need.
pub(super) mod date {
    use kernel::chrono::{DateTime, Utc};
    use mongodb::bson;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(crate) fn of(time: DateTime<Utc>) -> bson::DateTime {
        bson::DateTime::from_millis(time.timestamp_millis())
    }

    fn time<E: de::Error>(date: bson::DateTime) -> Result<DateTime<Utc>, E> {
        DateTime::from_timestamp_millis(date.timestamp_millis()).ok_or_else(|| E::custom("a date out of range"))
    }

    pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        of(*time).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        time(bson::DateTime::deserialize(deserializer)?)
    }

    pub(crate) fn serialize_optional<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(of).serialize(serializer)
    }

    pub(crate) fn deserialize_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<bson::DateTime>::deserialize(deserializer)?.map(time).transpose()
    }
}

/// A time as a number with the precision of events, for comparison only.
mod micros {
    use kernel::chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.timestamp_micros())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| de::Error::custom("a time out of range"))
    }
}
