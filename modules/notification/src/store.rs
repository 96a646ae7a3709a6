//! What is kept, and the two kinds of stores that keep it: a SQL database (`store/sql.rs`) or MongoDB (`store/mongo.rs`).

mod mongo;
mod sql;

use crate::{
    ChannelChoice, Config, EventId, NotificationChannel, NotificationId, NotificationKind, NotificationPreferences,
    NotificationStatus,
    templates::{MASK, Message},
};
use kernel::{
    BoxError, BoxFuture, Code, Fault, Health, UserId,
    chrono::{DateTime, SubsecRound, TimeDelta, Utc},
    jobs::Jobs,
};
use mongo::Mongo;
use serde::{Deserialize, Serialize};
use sql::Sql;
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Fault>;

/// Now, cut to milliseconds: the precision that both kinds of stores keep.
pub(crate) fn now() -> DateTime<Utc> {
    kernel::now().trunc_subsecs(3)
}

/// Where a user can be reached: what the user module told, kept because this module calls nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contact {
    #[serde(rename = "_id")]
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) phone: Option<String>,
    /// When the event happened that told it.
    #[serde(with = "micros")]
    pub(crate) updated_at: DateTime<Utc>,
    /// The version of the user that the event told; 0 when it told none.
    #[serde(default)]
    pub(crate) version: i64,
    /// Whether the user has proved to read what is sent to the e-mail address. Until then nothing that the user typed goes there.
    #[serde(default)]
    pub(crate) email_confirmed: bool,
}

impl Contact {
    /// Whether this is not older than what is known. Where one of the two has no version, or both have the same, the time decides.
    pub(crate) fn replaces(&self, known: &Self) -> bool {
        if self.version != 0 && known.version != 0 && self.version != known.version {
            return self.version > known.version;
        }
        self.updated_at >= known.updated_at
    }
}

/// A notification as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    #[serde(rename = "_id", with = "text")]
    pub(crate) id: NotificationId,
    #[serde(with = "text")]
    pub(crate) event_id: EventId,
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
    /// When it is to be sent; while it is being sent, when somebody else may try.
    #[serde(with = "date")]
    pub(crate) due_at: DateTime<Utc>,
    /// When it was queued, the last time: how long it has been waiting is counted from here.
    #[serde(with = "date")]
    pub(crate) queued_at: DateTime<Utc>,
    #[serde(with = "date")]
    pub(crate) created_at: DateTime<Utc>,
    #[serde(with = "date::optional")]
    pub(crate) sent_at: Option<DateTime<Utc>>,
    #[serde(with = "date::optional")]
    pub(crate) read_at: Option<DateTime<Utc>>,
    /// How often it was taken to be sent since an end was noted last. More than one: attempts whose end nobody knows.
    #[serde(default)]
    pub(crate) claims: u32,
    /// The address for which it was written, if it is for no other. Else it goes to the one that the user has.
    #[serde(default)]
    pub(crate) address: Option<String>,
    /// What belongs in the place of [`MASK`] when it is sent, and is never shown.
    #[serde(default)]
    pub(crate) secret: Option<String>,
    /// Whether something in it was typed by its user: it goes to a confirmed address only.
    #[serde(default)]
    pub(crate) is_personal: bool,
    /// The key under which it was last sent again.
    #[serde(default)]
    pub(crate) resend_key: Option<String>,
}

impl Row {
    /// With its secret in its place, to be sent.
    pub(crate) fn reveal(&self) -> Self {
        let mut row = self.clone();
        if let Some(secret) = row.secret.take() {
            row.text = row.text.replace(MASK, &secret);
            row.html = row.html.map(|html| html.replace(MASK, &secret));
        }
        row
    }

    /// As it was when it was queued, the last time.
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

    /// A new notification, to be sent at once.
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
        }
    }
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) user: Option<UserId>,
    pub(crate) unread: Option<bool>,
    pub(crate) status: Option<NotificationStatus>,
    pub(crate) kind: Option<NotificationKind>,
    pub(crate) channel: Option<NotificationChannel>,
}

/// What became of an attempt that did not succeed.
#[derive(Debug, Clone)]
pub(crate) struct Setback {
    /// Queued again, or failed.
    pub(crate) status: NotificationStatus,
    pub(crate) attempts: u32,
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) reason: String,
}

/// The store of the module. Cheap to clone.
#[derive(Clone)]
pub struct Store(Kind);

#[derive(Clone)]
enum Kind {
    Sql(Sql),
    Mongo(Mongo),
}

/// Calls the method of the store that it is.
macro_rules! either {
    ($self:ident . $method:ident ( $($arg:expr),* )) => {
        match &$self.0 {
            Kind::Sql(store) => store.$method($($arg),*).await,
            Kind::Mongo(store) => store.$method($($arg),*).await,
        }
    };
}

impl Store {
    /// The store that the URL names. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the URL is not of a known store.
    pub(crate) async fn open(config: &Config) -> std::result::Result<Self, BoxError> {
        match config.database_url.split_once("://") {
            Some(("mongodb" | "mongodb+srv", _)) => Ok(Self(Kind::Mongo(Mongo::open(config).await?))),
            _ => Ok(Self(Kind::Sql(Sql::open(config).await?))),
        }
    }

    /// Records what an event says: where the user can be reached, if that [replaces](Contact::replaces) what is known, and what is
    /// to be sent. An event that was recorded before changes nothing.
    pub(crate) async fn record(&self, event: Uuid, contact: Option<&Contact>, rows: &[Row]) -> Result<()> {
        either!(self.record(event, contact, rows))
    }

    pub(crate) async fn contact(&self, user: UserId) -> Result<Option<Contact>> {
        either!(self.contact(user))
    }

    pub(crate) async fn preferences(&self, user: UserId) -> Result<Option<NotificationPreferences>> {
        either!(self.preferences(user))
    }

    pub(crate) async fn set_preferences(&self, user: UserId, preferences: &NotificationPreferences) -> Result<()> {
        either!(self.set_preferences(user, preferences))
    }

    /// A page of a list, the newest first.
    pub(crate) async fn page(&self, filter: &Filter, offset: u64, limit: u32) -> Result<Vec<Row>> {
        either!(self.page(filter, offset, limit))
    }

    pub(crate) async fn count(&self, filter: &Filter) -> Result<u64> {
        either!(self.count(filter))
    }

    pub(crate) async fn get(&self, id: NotificationId) -> Result<Option<Row>> {
        either!(self.get(id))
    }

    /// Marks one of a user's notifications as read, if it is not; `false` when the user has no such notification.
    pub(crate) async fn mark_read(&self, user: UserId, id: NotificationId) -> Result<bool> {
        either!(self.mark_read(user, id, now()))
    }

    pub(crate) async fn mark_all_read(&self, user: UserId) -> Result<()> {
        either!(self.mark_all_read(user, now()))
    }

    /// Queues a notification again that is not queued, and was not queued under this key before; none when it is or was, or is not
    /// there.
    ///
    /// # Errors
    /// `unprocessable` when another one was queued under the key.
    pub(crate) async fn queue_again(&self, id: NotificationId, key: Option<&str>) -> Result<Option<Row>> {
        let now = self.now().await?;
        either!(self.queue_again(id, key, now))
    }

    /// Takes notifications that are due, the longest waiting first, so that nobody else takes them before `lease`: until their
    /// `due_at`.
    pub(crate) async fn claim(&self, channel: NotificationChannel, lease: TimeDelta, limit: u32) -> Result<Vec<Row>> {
        let now = self.now().await?;
        either!(self.claim(channel, now, now + lease, limit))
    }

    /// Now, by the clock of the store, which all instances share; cut to milliseconds.
    pub(crate) async fn now(&self) -> Result<DateTime<Utc>> {
        match &self.0 {
            Kind::Sql(store) => Ok(store.now()),
            Kind::Mongo(store) => store.now().await,
        }
    }

    /// Notes that a notification was sent, whoever has taken it.
    pub(crate) async fn sent(&self, id: NotificationId, recipient: &str, at: DateTime<Utc>) -> Result<()> {
        either!(self.sent(id, recipient, at))
    }

    /// Notes that a notification was not sent, if it is still ours.
    pub(crate) async fn set_back(&self, row: &Row, setback: &Setback) -> Result<()> {
        either!(self.set_back(row, setback))
    }

    /// How many notifications are to be sent.
    pub(crate) async fn queued(&self) -> Result<u64> {
        self.count(&Filter { status: Some(NotificationStatus::Queued), ..Filter::default() }).await
    }

    /// Removes what is older than the history goes, and may be removed.
    pub(crate) async fn sweep(&self, history: TimeDelta) -> Result<()> {
        match &self.0 {
            Kind::Sql(store) => store.sweep(now() - history).await,
            // its TTL index does it
            Kind::Mongo(_) => Ok(()),
        }
    }
}

/// The choices of a user, as they were stored, perhaps by a newer release: what this one does not know is left out.
fn read_preferences(stored: &str) -> Result<NotificationPreferences> {
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

fn key_of_another() -> Fault {
    Fault::new(Code::Unprocessable, "This Idempotency-Key was used for another request")
}

/// Words of this release: rows with others were written by a newer one, and are left to it.
fn known_kinds() -> impl Iterator<Item = &'static str> {
    NotificationKind::ALL.iter().map(|kind| kind.as_str())
}

fn known_channels() -> impl Iterator<Item = &'static str> {
    NotificationChannel::ALL.iter().map(|channel| channel.as_str())
}

fn known_statuses() -> impl Iterator<Item = &'static str> {
    NotificationStatus::ALL.iter().map(|status| status.as_str())
}

impl kernel::module::Store for Store {
    fn keep_up(&self, jobs: &Jobs) {
        match &self.0 {
            Kind::Sql(store) => store.keep_up(jobs),
            Kind::Mongo(store) => {
                let store = store.clone();
                jobs.every("notification.mongodb", Duration::from_secs(1), move || {
                    let store = store.clone();
                    async move { store.bring_up().await }
                });
            }
        }
    }

    async fn migrate(&self) -> std::result::Result<(), BoxError> {
        match &self.0 {
            Kind::Sql(store) => store.migrate().await,
            Kind::Mongo(store) => Ok(store.bring_up().await?),
        }
    }

    fn in_background(&self) -> Self {
        match &self.0 {
            Kind::Sql(store) => Self(Kind::Sql(store.in_background())),
            Kind::Mongo(store) => Self(Kind::Mongo(store.clone())),
        }
    }
}

impl Health for Store {
    fn name(&self) -> &str {
        match &self.0 {
            Kind::Sql(_) => "notification.database",
            Kind::Mongo(_) => "notification.mongodb",
        }
    }

    fn check(&self) -> BoxFuture<Result<()>> {
        match &self.0 {
            Kind::Sql(store) => store.check(),
            Kind::Mongo(store) => store.check(),
        }
    }
}

/// Ids as text, which is the same in every form of BSON.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    pub(super) fn serialize<T: Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Times as dates of BSON, which TTL indexes want.
mod date {
    use kernel::chrono::{DateTime, Utc};
    use mongodb::bson;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(super) fn of(time: DateTime<Utc>) -> bson::DateTime {
        bson::DateTime::from_millis(time.timestamp_millis())
    }

    fn time<E: de::Error>(date: bson::DateTime) -> Result<DateTime<Utc>, E> {
        DateTime::from_timestamp_millis(date.timestamp_millis()).ok_or_else(|| E::custom("a date out of range"))
    }

    pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        of(*time).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        time(bson::DateTime::deserialize(deserializer)?)
    }

    pub(super) mod optional {
        use super::*;

        pub(in super::super) fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
            time.map(of).serialize(serializer)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<DateTime<Utc>>, D::Error> {
            Option::<bson::DateTime>::deserialize(deserializer)?.map(time).transpose()
        }
    }
}

/// A time as a number, with the precision of events: it is compared, not read.
mod micros {
    use kernel::chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.timestamp_micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| de::Error::custom("a time out of range"))
    }
}
