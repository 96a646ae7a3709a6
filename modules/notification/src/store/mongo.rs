//! The store in MongoDB: a single server or a replica set, as no step needs a transaction.
//!
//! An event is recorded in steps. First its inbox document is inserted, with the notifications of the event. Then a newer contact
//! replaces the known one. Then the notifications are inserted; a unique index allows one for each event and channel. Finally the
//! inbox document is marked as done. When the event is delivered again, the missing steps are done from the inbox document. So
//! recording it twice changes nothing, whichever step was the last one and whatever its user has chosen since.

mod document;

use super::{
    known::{SENT, key_of_another, known_channels, known_kinds, known_statuses, read_preferences},
    stored::{Contact, Filter, Row, Setback, now as local_now},
};
use crate::{NotificationChannel, NotificationId, NotificationPreferences, NotificationStatus};
use document::{ContactDocument, InboxDocument, PreferencesDocument, RowDocument, date};
use kernel::{
    BoxError, BoxFuture, Fault, UserId,
    chrono::{DateTime, Utc},
    db::Pool,
    trace,
    verify::{Finding, NAMED},
};
use mongodb::{
    Client, Collection, Database, IndexModel,
    bson::{Bson, Document, doc},
    error::{Error, ErrorKind, WriteFailure},
    options::{Acknowledgment, ClientOptions, IndexOptions, ReturnDocument, WriteConcern},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// The code of a write that breaks a unique index.
const DUPLICATE: i32 = 11_000;
/// The index that removes old notifications.
const BY_AGE: &str = "by_age";
/// Lifetime of inbox documents, as in SQL databases: much longer than the longest retry.
const INBOX_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

type Result<T, E = Fault> = std::result::Result<T, E>;

#[derive(Clone)]
pub(crate) struct Mongo {
    database: Database,
    notifications: Collection<RowDocument>,
    contacts: Collection<ContactDocument>,
    preferences: Collection<PreferencesDocument>,
    inbox: Collection<InboxDocument>,
    timeout: Duration,
    history_days: u32,
    /// Whether the indexes are there.
    is_up: Arc<AtomicBool>,
}

impl Mongo {
    pub(super) async fn open(database_url: &str, pool: Pool, history_days: u32) -> Result<Self, BoxError> {
        let invalid = |e: Error| format!("notification.database_url: {e}");
        let mut options = ClientOptions::parse(database_url).await.map_err(invalid)?;
        let Some(name) = options.default_database.clone() else {
            return Err("notification.database_url must name a database: mongodb://host/notification".into());
        };
        let acquire_timeout = Duration::from_millis(pool.acquire_timeout_ms);
        options.app_name = Some("souk notification".into());
        options.max_pool_size = Some(pool.connections);
        options.server_selection_timeout = Some(acquire_timeout);
        options.connect_timeout = Some(acquire_timeout);
        // an acknowledged event is not delivered again: it must be in the journal
        let journaled = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        options.write_concern.get_or_insert(journaled);
        let database = Client::with_options(options)?.database(&name);
        Ok(Self {
            is_up: Arc::default(),
            history_days,
            notifications: database.collection("notifications"),
            contacts: database.collection("contacts"),
            preferences: database.collection("preferences"),
            inbox: database.collection("inbox"),
            database,
            timeout: Duration::from_millis(pool.statement_timeout_ms),
        })
    }

    /// Creates the indexes. Nothing may be written before: they prevent that an event is recorded twice.
    pub(super) async fn bring_up(&self) -> Result<()> {
        if !self.is_up.load(Ordering::Relaxed) {
            self.create_indexes_for(self.history_days).await?;
            self.is_up.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn create_indexes_for(&self, history_days: u32) -> Result<()> {
        let index = |name: &str, keys: Document, unique: bool| {
            let options = IndexOptions::builder().name(name.to_owned()).unique(unique).build();
            IndexModel::builder().keys(keys).options(options).build()
        };
        let indexes = [
            index("by_event", doc! {"event_id": 1, "channel": 1}, true),
            // ids sort by time of creation
            index("by_user", doc! {"user_id": 1, "_id": -1}, false),
            index("by_due", doc! {"status": 1, "due_at": 1}, false),
            index("by_status", doc! {"status": 1, "_id": -1}, false),
        ];
        self.run_anyway(self.notifications.create_indexes(indexes)).await?;
        let some = doc! {"resend_key": {"$type": "string"}};
        let keys = IndexOptions::builder().name("by_resend_key".to_owned()).unique(true).partial_filter_expression(some).build();
        let keys = IndexModel::builder().keys(doc! {"resend_key": 1}).options(keys).build();
        self.run_anyway(self.notifications.create_index(keys)).await?;
        let expiry = IndexOptions::builder().name(BY_AGE.to_owned()).expire_after(INBOX_LIFETIME).build();
        let expiry = IndexModel::builder().keys(doc! {"at": 1}).options(expiry).build();
        self.run_anyway(self.inbox.create_index(expiry)).await?;
        self.keep_for(history_days).await
    }

    /// Sets the lifetime of notifications, which may differ from an earlier start; 0: no expiry. The settings ensure that none
    /// expires before it has failed.
    async fn keep_for(&self, days: u32) -> Result<()> {
        let wanted = (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400));
        let mut found = None;
        let mut indexes = self.run_anyway(self.notifications.list_indexes()).await?;
        while self.run_anyway(indexes.advance()).await? {
            let index = indexes.deserialize_current().map_err(to_fault)?;
            let options = index.options.unwrap_or_default();
            if options.name.as_deref() == Some(BY_AGE) {
                found = Some(options.expire_after);
            }
        }
        match (found, wanted) {
            (Some(is), wanted) if is == wanted => {}
            (None, None) => {}
            (None, Some(age)) => {
                let options = IndexOptions::builder().name(BY_AGE.to_owned()).expire_after(age).build();
                let index = IndexModel::builder().keys(doc! {"created_at": 1}).options(options).build();
                self.run_anyway(self.notifications.create_index(index)).await?;
            }
            (Some(_), None) => self.run_anyway(self.notifications.drop_index(BY_AGE)).await?,
            (Some(_), Some(age)) => {
                let seconds = i64::try_from(age.as_secs()).map_err(Fault::internal)?;
                let change = doc! {"collMod": "notifications", "index": {"name": BY_AGE, "expireAfterSeconds": seconds}};
                self.run_anyway(self.database.run_command(change)).await?;
            }
        }
        Ok(())
    }

    /// Runs an operation, if the store is up. `name` is that of its span.
    async fn run<T>(&self, name: &str, operation: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T> {
        if self.is_up.load(Ordering::Relaxed) {
            trace::store_call("mongodb", name, self.run_anyway(operation)).await
        } else {
            Err(unavailable("MongoDB is not up yet"))
        }
    }

    /// Runs an operation with a time-out: the driver has none for a server that accepts connections and does not answer.
    async fn run_anyway<T>(&self, operation: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.timeout, operation.into_future()).await {
            Ok(result) => result.map_err(to_fault),
            Err(_) => Err(unavailable("MongoDB does not answer")),
        }
    }

    /// Now, by the clock of the server.
    pub(super) async fn now(&self) -> Result<DateTime<Utc>> {
        let hello = self.run("hello", self.database.run_command(doc! {"hello": 1})).await?;
        let time = hello.get_datetime("localTime").map_err(Fault::internal)?;
        DateTime::from_timestamp_millis(time.timestamp_millis()).ok_or_else(|| Fault::internal("MongoDB's clock is out of range"))
    }

    pub(super) async fn record(&self, event: Uuid, contact: Option<&Contact>, rows: &[Row]) -> Result<()> {
        let event = event.to_string();
        let rows = rows.iter().cloned().map(RowDocument).collect();
        let new = InboxDocument { event_id: event.clone(), rows, is_done: false, at: local_now() };
        self.unless_duplicate("insert inbox", self.inbox.insert_one(&new)).await?;
        // the first delivery decides
        let found = self.run("find inbox", self.inbox.find_one(doc! {"_id": &event})).await?;
        let InboxDocument { rows, is_done, .. } = found.unwrap_or(new);
        if is_done {
            return Ok(());
        }
        if let Some(contact) = contact {
            // a newer contact does not match, and its id prevents the insertion
            let document = ContactDocument(contact.clone());
            self.unless_duplicate("update contacts", self.contacts.replace_one(older_than(contact), document).upsert(true))
                .await?;
        }
        if !rows.is_empty() {
            self.unless_duplicate("insert notifications", self.notifications.insert_many(rows).ordered(false)).await?;
        }
        let done = doc! {"$set": {"is_done": true, "rows": []}};
        self.run("update inbox", self.inbox.update_one(doc! {"_id": &event}, done)).await?;
        Ok(())
    }

    /// Runs a write and ignores that its document already exists.
    async fn unless_duplicate<T>(&self, name: &str, write: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<()> {
        let write = async {
            match write.await {
                Err(e) if is_duplicate(&e) => Ok(()),
                result => result.map(drop),
            }
        };
        self.run(name, write).await
    }

    pub(super) async fn contact(&self, user: UserId) -> Result<Option<Contact>> {
        let found = self.run("find contacts", self.contacts.find_one(doc! {"_id": user.0})).await?;
        Ok(found.map(|ContactDocument(contact)| contact))
    }

    pub(super) async fn preferences(&self, user: UserId) -> Result<Option<NotificationPreferences>> {
        let found = self.run("find preferences", self.preferences.find_one(doc! {"_id": user.0})).await?;
        found.map(|found| read_preferences(&found.preferences)).transpose()
    }

    pub(super) async fn set_preferences(&self, user: UserId, preferences: &NotificationPreferences) -> Result<()> {
        let text = serde_json::to_string(preferences).map_err(Fault::internal)?;
        let chosen = PreferencesDocument { user_id: user, preferences: text };
        self.run("update preferences", self.preferences.replace_one(doc! {"_id": user.0}, chosen).upsert(true)).await?;
        Ok(())
    }

    pub(super) async fn page(&self, filter: &Filter, offset: u64, limit: u32) -> Result<Vec<Row>> {
        let find = self.notifications.find(condition(filter)).sort(doc! {"_id": -1}).skip(offset).limit(i64::from(limit));
        let mut found = self.run("find notifications", find).await?;
        let mut rows = Vec::new();
        while self.run("getMore notifications", found.advance()).await? {
            let RowDocument(row) = found.deserialize_current().map_err(to_fault)?;
            rows.push(row);
        }
        Ok(rows)
    }

    pub(super) async fn count(&self, filter: &Filter) -> Result<u64> {
        self.run("aggregate notifications", self.notifications.count_documents(condition(filter))).await
    }

    pub(super) async fn get(&self, id: NotificationId) -> Result<Option<Row>> {
        let mut one = condition(&Filter::default());
        one.insert("_id", id.to_string());
        Ok(self.run("find notifications", self.notifications.find_one(one)).await?.map(|RowDocument(row)| row))
    }

    pub(super) async fn mark_read(&self, user: UserId, id: NotificationId, now: DateTime<Utc>) -> Result<bool> {
        let own = doc! {"_id": id.to_string(), "user_id": user.0};
        // keeps the time of the first reading
        let read = vec![doc! {"$set": {"read_at": {"$ifNull": ["$read_at", date::of(now)]}}}];
        Ok(self.run("update notifications", self.notifications.update_one(own, read)).await?.matched_count == 1)
    }

    pub(super) async fn mark_all_read(&self, user: UserId, now: DateTime<Utc>) -> Result<()> {
        let unread = doc! {"user_id": user.0, "read_at": null};
        self.run("update notifications", self.notifications.update_many(unread, doc! {"$set": {"read_at": date::of(now)}}))
            .await?;
        Ok(())
    }

    pub(super) async fn verify(&self) -> Result<Vec<Finding>, BoxError> {
        let sent = NotificationStatus::Sent.as_str();
        let wrong = doc! {"$or": [{"status": sent, "sent_at": null}, {"status": {"$ne": sent}, "sent_at": {"$ne": null}}]};
        let all = self.database.collection::<Document>(self.notifications.name());
        let some = async {
            let mut cursor = all.find(wrong.clone()).limit(NAMED as i64).await?;
            let mut documents = Vec::new();
            while cursor.advance().await? {
                documents.push(cursor.deserialize_current()?);
            }
            Ok::<_, Error>(documents)
        };
        let documents: Vec<Document> = self.run_anyway(some).await?;
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let count = self.run_anyway(self.notifications.count_documents(wrong)).await?;
        let text = |document: &Document| {
            let field = |name| document.get(name).unwrap_or(&Bson::Null).to_string();
            format!("user {}: {} by {}, {}", field("user_id"), field("kind"), field("channel"), field("status"))
        };
        let named = documents.iter().map(text).collect();
        Ok(vec![Finding { name: SENT.0.into(), rule: SENT.1.into(), count, named }])
    }

    pub(super) async fn queue_again(&self, id: NotificationId, key: Option<&str>, now: DateTime<Utc>) -> Result<Option<Row>> {
        let queued = NotificationStatus::Queued.as_str();
        let mut settled = condition(&Filter::default());
        settled.insert("_id", id.to_string());
        settled.insert("status", doc! {"$in": known_statuses().filter(|status| *status != queued).collect::<Vec<_>>()});
        if let Some(key) = key {
            settled.insert("resend_key", doc! {"$ne": key});
        }
        let now = date::of(now);
        let change = doc! {
            "$set": {
                "status": queued, "attempts": 0_i64, "claims": 0_i64, "due_at": now, "queued_at": now, "resend_key": key,
                "last_error": null, "recipient": null, "sent_at": null,
            },
        };
        let queue = self.notifications.find_one_and_update(settled, change).return_document(ReturnDocument::After);
        self.run("findAndModify notifications", async {
            match queue.await {
                Err(e) if is_duplicate(&e) => Ok(Err(key_of_another())),
                queued => queued.map(|row| Ok(row.map(|RowDocument(row)| row))),
            }
        })
        .await?
    }

    pub(super) async fn claim(
        &self,
        channel: NotificationChannel,
        now: DateTime<Utc>,
        lease: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Row>> {
        let mut claimed = Vec::new();
        while claimed.len() < limit as usize {
            let due = doc! {
                "status": NotificationStatus::Queued.as_str(),
                "due_at": {"$lte": date::of(now)},
                "channel": channel.as_str(),
                "kind": {"$in": known_kinds().collect::<Vec<_>>()},
            };
            let take = doc! {"$set": {"due_at": date::of(lease)}, "$inc": {"claims": 1_i64}};
            let take = self.notifications.find_one_and_update(due, take);
            let take = take.sort(doc! {"due_at": 1}).return_document(ReturnDocument::After);
            match self.run("findAndModify notifications", take).await? {
                Some(RowDocument(row)) => claimed.push(row),
                None => break,
            }
        }
        Ok(claimed)
    }

    pub(super) async fn sent(&self, id: NotificationId, recipient: &str, at: DateTime<Utc>) -> Result<()> {
        let status = NotificationStatus::Sent.as_str();
        let set = doc! {"status": status, "recipient": recipient, "sent_at": date::of(at), "last_error": null};
        self.run("update notifications", self.notifications.update_one(doc! {"_id": id.to_string()}, doc! {"$set": set})).await?;
        Ok(())
    }

    pub(super) async fn set_back(&self, row: &Row, setback: &Setback) -> Result<()> {
        let claimed = doc! {
            "_id": row.id.to_string(),
            "status": NotificationStatus::Queued.as_str(),
            "due_at": date::of(row.due_at),
        };
        let set = doc! {
            "status": setback.status.as_str(),
            "attempts": i64::from(setback.attempts),
            "due_at": date::of(setback.due_at),
            "last_error": &setback.reason,
            "claims": 0_i64,
        };
        self.run("update notifications", self.notifications.update_one(claimed, doc! {"$set": set})).await?;
        Ok(())
    }

    pub(super) fn check(&self) -> BoxFuture<Result<()>> {
        /// Health checks must answer soon.
        const TIMEOUT: Duration = Duration::from_secs(1);
        let store = self.clone();
        Box::pin(async move {
            let ping = store.database.run_command(doc! {"ping": 1});
            match tokio::time::timeout(TIMEOUT, store.run("ping", ping)).await {
                Ok(result) => result.map(drop),
                Err(_) => Err(unavailable("MongoDB does not answer a ping")),
            }
        })
    }
}

fn condition(filter: &Filter) -> Document {
    let mut condition = Document::new();
    if let Some(user) = filter.user {
        condition.insert("user_id", user.0);
    }
    if let Some(unread) = filter.unread {
        condition.insert("read_at", if unread { Bson::Null } else { doc! {"$ne": null}.into() });
    }
    let one_of = |known: Vec<&str>| doc! {"$in": known}.into();
    condition.insert("status", filter.status.map_or_else(|| one_of(known_statuses().collect()), |status| status.as_str().into()));
    condition.insert("kind", filter.kind.map_or_else(|| one_of(known_kinds().collect()), |kind| kind.as_str().into()));
    let channel = filter.channel.map(|channel| channel.as_str().into());
    condition.insert::<_, Bson>("channel", channel.unwrap_or_else(|| one_of(known_channels().collect())));
    condition
}

/// [`Contact::replaces`] as a filter.
fn older_than(contact: &Contact) -> Document {
    let (user, version) = (contact.user_id.0, contact.version);
    let is_earlier = doc! {"$lte": contact.updated_at.timestamp_micros()};
    if version == 0 {
        return doc! {"_id": user, "updated_at": is_earlier};
    }
    // null: written by a release without versions
    let same_or_none = doc! {"version": {"$in": [Bson::Null, 0_i64, version]}, "updated_at": is_earlier};
    doc! {"_id": user, "$or": [{"version": {"$gt": 0_i64, "$lt": version}}, same_or_none]}
}

fn is_duplicate(e: &Error) -> bool {
    match e.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(e)) => e.code == DUPLICATE,
        ErrorKind::Command(e) => e.code == DUPLICATE,
        // only if there is no other error
        ErrorKind::InsertMany(e) if e.write_concern_error.is_none() => {
            e.write_errors.as_ref().is_some_and(|errors| errors.iter().all(|e| e.code == DUPLICATE))
        }
        _ => false,
    }
}

fn unavailable(why: impl std::fmt::Display) -> Fault {
    Fault::unavailable("The database is not available", why)
}

/// A faulty document or request is a bug; any other error is transient.
fn to_fault(e: Error) -> Fault {
    match e.kind.as_ref() {
        ErrorKind::InvalidArgument { .. }
        | ErrorKind::Bson(_)
        | ErrorKind::BsonDeserialization(_)
        | ErrorKind::BsonSerialization(_)
        | ErrorKind::Write(WriteFailure::WriteError(_)) => Fault::internal(e),
        _ => unavailable(e),
    }
}
