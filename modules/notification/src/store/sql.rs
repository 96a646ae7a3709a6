//! The store in a SQL database: SQLite or PostgreSQL.

use super::{
    known::{SENT, key_of_another, known_channels, known_kinds, known_statuses, read_preferences},
    stored::{Contact, Filter, Row, Setback},
};
use crate::{
    EventId, NotificationChannel, NotificationId, NotificationPreferences, NotificationStatus,
    entity::{
        contact,
        notification::{self, Column},
        preferences,
    },
};
use kernel::{
    BoxError, BoxFuture, Fault, Health, UserId,
    chrono::{DateTime, SubsecRound, Utc},
    db::{Db, Durability, Pool, is_duplicate},
    inbox,
    jobs::Jobs,
    verify::{Check, Finding},
};
use migrations::notification::Migrator;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, UpdateMany,
    sea_query::{Expr, LockBehavior, LockType, OnConflict},
};
use uuid::Uuid;

type Result<T, E = Fault> = std::result::Result<T, E>;

const CHECKS: &[Check] = &[Check {
    name: SENT.0,
    rule: SENT.1,
    query: "SELECT 'user ' || user_id || ': ' || kind || ' by ' || channel || ', ' || status AS found FROM notifications \
            WHERE (status = 'sent') <> (sent_at IS NOT NULL)",
}];

#[derive(Clone)]
pub(crate) struct Sql {
    db: Db,
}

impl Sql {
    pub(super) async fn open(database_url: &str, pool: Pool) -> Result<Self, BoxError> {
        // FULL: an acknowledged event is not delivered again
        Ok(Self { db: Db::open::<Migrator>("notification", database_url, pool, Durability::Full).await? })
    }

    pub(super) async fn verify(&self) -> Result<Vec<Finding>, BoxError> {
        Ok(self.db.verify(CHECKS).await?)
    }

    pub(super) async fn migrate(&self) -> Result<(), BoxError> {
        Ok(self.db.migrate().await?)
    }

    pub(super) fn keep_up(&self, jobs: &Jobs) {
        self.db.keep_up(jobs);
    }

    pub(super) fn in_background(&self) -> Self {
        Self { db: self.db.in_background() }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.db.now().trunc_subsecs(3)
    }

    /// Records an event in one transaction with its inbox row.
    pub(super) async fn record(&self, event: Uuid, contact: Option<&Contact>, rows: &[Row]) -> Result<()> {
        let tx = self.db.begin().await?;
        if !inbox::is_new(&tx, event).await? {
            return Ok(());
        }
        if let Some(contact) = contact {
            let columns = [
                contact::Column::Email,
                contact::Column::FirstName,
                contact::Column::LastName,
                contact::Column::Phone,
                contact::Column::UpdatedAt,
                contact::Column::Version,
                contact::Column::EmailConfirmed,
            ];
            let mut newer = OnConflict::column(contact::Column::UserId);
            newer.update_columns(columns);
            newer.action_cond_where(is_older_than(contact));
            let row = to_contact_row(contact.clone()).into_active_model();
            contact::Entity::insert(row).on_conflict(newer).exec_without_returning(&*tx).await?;
        }
        if !rows.is_empty() {
            let rows = rows.iter().cloned().map(|row| to_model(row).into_active_model());
            notification::Entity::insert_many(rows).exec_without_returning(&*tx).await?;
        }
        tx.commit().await
    }

    pub(super) async fn contact(&self, user: UserId) -> Result<Option<Contact>> {
        let row = contact::Entity::find_by_id(user.0).one(self.db.read()).await?;
        Ok(row.map(|row| Contact {
            user_id: UserId(row.user_id),
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            phone: row.phone,
            updated_at: row.updated_at,
            version: row.version,
            email_confirmed: row.email_confirmed,
        }))
    }

    pub(super) async fn preferences(&self, user: UserId) -> Result<Option<NotificationPreferences>> {
        let row = preferences::Entity::find_by_id(user.0).one(self.db.read()).await?;
        row.map(|row| read_preferences(&row.preferences)).transpose()
    }

    pub(super) async fn set_preferences(&self, user: UserId, preferences: &NotificationPreferences) -> Result<()> {
        let text = serde_json::to_string(preferences).map_err(Fault::internal)?;
        let row = preferences::Model { user_id: user.0, preferences: text }.into_active_model();
        let mut replace = OnConflict::column(preferences::Column::UserId);
        replace.update_column(preferences::Column::Preferences);
        preferences::Entity::insert(row).on_conflict(replace).exec_without_returning(self.db.write()).await?;
        Ok(())
    }

    pub(super) async fn page(&self, filter: &Filter, offset: u64, limit: u32) -> Result<Vec<Row>> {
        // ids sort by time of creation
        let find = notification::Entity::find().filter(condition(filter)).order_by_desc(Column::Id);
        let rows = find.offset(offset).limit(u64::from(limit)).all(self.db.read()).await?;
        rows.into_iter().map(to_row).collect()
    }

    pub(super) async fn count(&self, filter: &Filter) -> Result<u64> {
        Ok(notification::Entity::find().filter(condition(filter)).count(self.db.read()).await?)
    }

    pub(super) async fn get(&self, id: NotificationId) -> Result<Option<Row>> {
        let find = notification::Entity::find_by_id(id.0).filter(condition(&Filter::default()));
        find.one(self.db.read()).await?.map(to_row).transpose()
    }

    pub(super) async fn mark_read(&self, user: UserId, id: NotificationId, now: DateTime<Utc>) -> Result<bool> {
        let done = notification::Entity::update_many()
            .col_expr(Column::ReadAt, Expr::col(Column::ReadAt).if_null(Expr::value(now)))
            .filter(Column::Id.eq(id.0))
            .filter(Column::UserId.eq(user.0))
            .exec(self.db.write())
            .await?;
        Ok(done.rows_affected == 1)
    }

    pub(super) async fn mark_all_read(&self, user: UserId, now: DateTime<Utc>) -> Result<()> {
        notification::Entity::update_many()
            .col_expr(Column::ReadAt, Expr::value(now))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::ReadAt.is_null())
            .exec(self.db.write())
            .await?;
        Ok(())
    }

    pub(super) async fn queue_again(&self, id: NotificationId, key: Option<&str>, now: DateTime<Utc>) -> Result<Option<Row>> {
        let is_another_key = Column::ResendKey.is_null().or(Column::ResendKey.ne(key.unwrap_or_default()));
        let queued = notification::Entity::update_many()
            .col_expr(Column::Status, Expr::value(NotificationStatus::Queued.as_str()))
            .col_expr(Column::Attempts, Expr::value(0))
            .col_expr(Column::DueAt, Expr::value(now))
            .col_expr(Column::QueuedAt, Expr::value(now))
            .col_expr(Column::Claims, Expr::value(0))
            .col_expr(Column::LastError, Expr::value(None::<String>))
            .col_expr(Column::Recipient, Expr::value(None::<String>))
            .col_expr(Column::SentAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::ResendKey, Expr::value(key))
            .filter(Column::Id.eq(id.0))
            .filter(condition(&Filter::default()))
            .filter(Column::Status.ne(NotificationStatus::Queued.as_str()))
            .filter(is_another_key)
            .exec_with_returning(self.db.write())
            .await
            .map_err(|e| if is_duplicate(&e) { key_of_another() } else { e.into() })?;
        queued.into_iter().next().map(to_row).transpose()
    }

    pub(super) async fn claim(
        &self,
        channel: NotificationChannel,
        now: DateTime<Utc>,
        lease: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Row>> {
        let due = Condition::all()
            .add(Column::Status.eq(NotificationStatus::Queued.as_str()))
            .add(Column::DueAt.lte(now))
            .add(Column::Channel.eq(channel.as_str()))
            .add(Column::Kind.is_in(known_kinds()));
        // most claims find nothing: on SQLite they must not wait for the only connection for writes
        if notification::Entity::find().filter(due.clone()).limit(1).one(self.db.read()).await?.is_none() {
            return Ok(Vec::new());
        }
        let ids = notification::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(due)
            .order_by_asc(Column::DueAt)
            .limit(u64::from(limit))
            // workers never wait for each other. (SQLite has one writer and ignores the lock.)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .into_query();
        let claimed = notification::Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(lease))
            .col_expr(Column::Claims, Expr::col(Column::Claims).add(1))
            .filter(Column::Id.in_subquery(ids))
            .exec_with_returning(self.db.write())
            .await?;
        claimed.into_iter().map(to_row).collect()
    }

    pub(super) async fn sent(&self, id: NotificationId, recipient: &str, at: DateTime<Utc>) -> Result<()> {
        notification::Entity::update_many()
            .col_expr(Column::Status, Expr::value(NotificationStatus::Sent.as_str()))
            .col_expr(Column::Recipient, Expr::value(recipient))
            .col_expr(Column::SentAt, Expr::value(at))
            .col_expr(Column::LastError, Expr::value(None::<String>))
            .filter(Column::Id.eq(id.0))
            .exec(self.db.write())
            .await?;
        Ok(())
    }

    pub(super) async fn set_back(&self, row: &Row, setback: &Setback) -> Result<()> {
        let claimed: UpdateMany<notification::Entity> = notification::Entity::update_many()
            .filter(Column::Id.eq(row.id.0))
            .filter(Column::Status.eq(NotificationStatus::Queued.as_str()))
            .filter(Column::DueAt.eq(row.due_at));
        claimed
            .col_expr(Column::Status, Expr::value(setback.status.as_str()))
            .col_expr(Column::Attempts, Expr::value(to_count(setback.attempts)))
            .col_expr(Column::DueAt, Expr::value(setback.due_at))
            .col_expr(Column::LastError, Expr::value(setback.reason.as_str()))
            .col_expr(Column::Claims, Expr::value(0))
            .exec(self.db.write())
            .await?;
        Ok(())
    }

    pub(super) async fn sweep(&self, before: DateTime<Utc>) -> Result<()> {
        /// Few enough that no call waits long for the removal.
        const BATCH: u64 = 500;
        loop {
            let old = notification::Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::CreatedAt.lt(before))
                .filter(Column::Status.ne(NotificationStatus::Queued.as_str()))
                .limit(BATCH)
                .into_query();
            let gone = notification::Entity::delete_many().filter(Column::Id.in_subquery(old)).exec(self.db.write()).await?;
            if gone.rows_affected < BATCH {
                return inbox::sweep(self.db.write()).await;
            }
        }
    }

    pub(super) fn check(&self) -> BoxFuture<Result<()>> {
        self.db.check()
    }
}

fn condition(filter: &Filter) -> Condition {
    let unread = filter.unread.map(|unread| if unread { Column::ReadAt.is_null() } else { Column::ReadAt.is_not_null() });
    let status = filter.status.map(|status| Column::Status.eq(status.as_str()));
    let kind = filter.kind.map(|kind| Column::Kind.eq(kind.as_str()));
    let channel = filter.channel.map(|channel| Column::Channel.eq(channel.as_str()));
    Condition::all()
        .add_option(filter.user.map(|user| Column::UserId.eq(user.0)))
        .add_option(unread)
        .add(status.unwrap_or_else(|| Column::Status.is_in(known_statuses())))
        .add(kind.unwrap_or_else(|| Column::Kind.is_in(known_kinds())))
        .add(channel.unwrap_or_else(|| Column::Channel.is_in(known_channels())))
}

/// [`Contact::replaces`] in SQL.
fn is_older_than(contact: &Contact) -> Condition {
    use contact::Column::{UpdatedAt, Version};
    let is_earlier = UpdatedAt.lte(contact.updated_at);
    if contact.version == 0 {
        return Condition::all().add(is_earlier);
    }
    let same_or_none = Version.is_in([0, contact.version]);
    Condition::any().add(Version.gt(0).and(Version.lt(contact.version))).add(same_or_none.and(is_earlier))
}

fn to_count(attempts: u32) -> i32 {
    i32::try_from(attempts).unwrap_or(i32::MAX)
}

fn to_contact_row(contact: Contact) -> contact::Model {
    contact::Model {
        user_id: contact.user_id.0,
        email: contact.email,
        first_name: contact.first_name,
        last_name: contact.last_name,
        phone: contact.phone,
        updated_at: contact.updated_at,
        version: contact.version,
        email_confirmed: contact.email_confirmed,
    }
}

fn to_model(row: Row) -> notification::Model {
    notification::Model {
        id: row.id.0,
        event_id: row.event_id.0,
        user_id: row.user_id.0,
        kind: row.kind.as_str().into(),
        channel: row.channel.as_str().into(),
        locale: row.locale,
        recipient: row.recipient,
        subject: row.subject,
        text: row.text,
        html: row.html,
        status: row.status.as_str().into(),
        attempts: to_count(row.attempts),
        last_error: row.last_error,
        due_at: row.due_at,
        queued_at: row.queued_at,
        created_at: row.created_at,
        sent_at: row.sent_at,
        read_at: row.read_at,
        claims: to_count(row.claims),
        address: row.address,
        secret: row.secret,
        is_personal: row.is_personal,
        resend_key: row.resend_key,
        traceparent: row.trace.map(|trace| trace.to_string()),
    }
}

fn to_row(model: notification::Model) -> Result<Row> {
    Ok(Row {
        id: NotificationId(model.id),
        event_id: EventId(model.event_id),
        user_id: UserId(model.user_id),
        kind: model.kind.parse().map_err(Fault::internal)?,
        channel: model.channel.parse().map_err(Fault::internal)?,
        locale: model.locale,
        recipient: model.recipient,
        subject: model.subject,
        text: model.text,
        html: model.html,
        status: model.status.parse().map_err(Fault::internal)?,
        attempts: u32::try_from(model.attempts).map_err(Fault::internal)?,
        last_error: model.last_error,
        due_at: model.due_at,
        queued_at: model.queued_at,
        created_at: model.created_at,
        sent_at: model.sent_at,
        read_at: model.read_at,
        claims: u32::try_from(model.claims).map_err(Fault::internal)?,
        address: model.address,
        secret: model.secret,
        is_personal: model.is_personal,
        resend_key: model.resend_key,
        trace: model.traceparent.and_then(|trace| trace.parse().ok()),
    })
}
