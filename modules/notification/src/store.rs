//! The store of the module: a SQL database (`store/sql.rs`) or MongoDB (`store/mongo.rs`), chosen by the URL.

mod known;
pub(crate) mod message;
mod mongo;
mod sql;
pub(crate) mod stored;

use crate::{NotificationChannel, NotificationId, NotificationPreferences, NotificationStatus};
use kernel::{
    BoxError, BoxFuture, Fault, Health, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::Pool,
    jobs::Jobs,
    verify::Finding,
};
use mongo::Mongo;
use sql::Sql;
use std::time::Duration;
use stored::{Contact, Filter, Row, Setback, now};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Fault>;

/// The store of the module. Cheap to clone.
#[derive(Clone)]
pub struct Store(Kind);

#[derive(Clone)]
enum Kind {
    Sql(Sql),
    Mongo(Mongo),
}

/// Calls the method of the actual store.
macro_rules! either {
    ($self:ident . $method:ident ( $($arg:expr),* )) => {
        match &$self.0 {
            Kind::Sql(store) => store.$method($($arg),*).await,
            Kind::Mongo(store) => store.$method($($arg),*).await,
        }
    };
}

impl Store {
    /// Opens the store of the URL. No connection is made yet.
    ///
    /// # Errors
    /// When the URL is not of a known store.
    pub(crate) async fn open(database_url: &str, pool: Pool, history_days: u32) -> std::result::Result<Self, BoxError> {
        match database_url.split_once("://") {
            Some(("mongodb" | "mongodb+srv", _)) => Ok(Self(Kind::Mongo(Mongo::open(database_url, pool, history_days).await?))),
            _ => Ok(Self(Kind::Sql(Sql::open(database_url, pool).await?))),
        }
    }

    /// Looks for what must not be there.
    pub(crate) async fn verify(&self) -> std::result::Result<Vec<Finding>, BoxError> {
        either!(self.verify())
    }

    /// Records an event: its contact, if that [replaces](Contact::replaces) the known one, and its notifications. An event that
    /// was recorded before changes nothing.
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

    /// Queues a notification again. `None` when it is queued, was last queued under this key, or does not exist.
    ///
    /// # Errors
    /// `unprocessable` when another notification was queued under the key.
    pub(crate) async fn queue_again(&self, id: NotificationId, key: Option<&str>) -> Result<Option<Row>> {
        let now = self.now().await?;
        either!(self.queue_again(id, key, now))
    }

    /// Claims notifications that are due, the longest waiting first: no other worker claims them during the lease, which ends at
    /// their `due_at`.
    pub(crate) async fn claim(&self, channel: NotificationChannel, lease: TimeDelta, limit: u32) -> Result<Vec<Row>> {
        let now = self.now().await?;
        either!(self.claim(channel, now, now + lease, limit))
    }

    /// The current time in milliseconds by the clock of the store, which all instances share.
    pub(crate) async fn now(&self) -> Result<DateTime<Utc>> {
        match &self.0 {
            Kind::Sql(store) => Ok(store.now()),
            Kind::Mongo(store) => store.now().await,
        }
    }

    /// Records that a notification was sent, whichever worker has claimed it.
    pub(crate) async fn sent(&self, id: NotificationId, recipient: &str, at: DateTime<Utc>) -> Result<()> {
        either!(self.sent(id, recipient, at))
    }

    /// Records a failed attempt, if the claim of `row` still holds.
    pub(crate) async fn set_back(&self, row: &Row, setback: &Setback) -> Result<()> {
        either!(self.set_back(row, setback))
    }

    /// The number of queued notifications.
    pub(crate) async fn queued(&self) -> Result<u64> {
        self.count(&Filter { status: Some(NotificationStatus::Queued), ..Filter::default() }).await
    }

    /// Removes notifications that are older than `history` and not queued.
    pub(crate) async fn sweep(&self, history: TimeDelta) -> Result<()> {
        match &self.0 {
            Kind::Sql(store) => store.sweep(now() - history).await,
            // a TTL index removes them
            Kind::Mongo(_) => Ok(()),
        }
    }
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
