//! The implementation of [`NotificationApi`].

use crate::{
    EventId, ListAllNotifications, ListNotifications, Mailbox, Notification, NotificationApi, NotificationChannel,
    NotificationEntry, NotificationEntryPage, NotificationError, NotificationId, NotificationPage, NotificationPreferences,
    NotificationRecord, PreviewTemplate, TemplatePreview,
    mailbox::RecentMessages,
    news::{self, Notice},
    ops, rules,
    sender::Wake,
    store::{Contact, Filter, Row, Store},
    templates::Templates,
};
use kernel::{Ctx, Envelope, Fault, Page, UserId, idempotency::Used};

/// Notifications, on a store.
#[derive(Clone)]
pub struct Notifications {
    pub(crate) store: Store,
    pub(crate) templates: Templates,
    /// What is recorded: channels that go somewhere.
    pub(crate) channels: Vec<NotificationChannel>,
    pub(crate) wake: Wake,
    pub(crate) mailbox: Option<RecentMessages>,
}

type Result<T> = std::result::Result<T, NotificationError>;

impl NotificationApi for Notifications {
    async fn list(&self, _: &Ctx, user: UserId, query: ListNotifications) -> Result<NotificationPage> {
        let own = Filter { user: Some(user), ..Filter::default() };
        let filter = Filter { unread: query.unread, kind: query.kind, channel: query.channel, ..own.clone() };
        let unread = Filter { unread: Some(true), ..own };
        let page = Page::of(query.page, query.per_page, 20);
        let (rows, total, unread) = tokio::try_join!(
            self.store.page(&filter, page.offset(), page.per_page()),
            self.store.count(&filter),
            self.store.count(&unread)
        )?;
        let notifications = rows.into_iter().map(to_notification).collect();
        Ok(NotificationPage { notifications, unread, pagination: page.of_total(total) })
    }

    async fn mark_read(&self, _: &Ctx, user: UserId, id: NotificationId) -> Result<()> {
        if self.store.mark_read(user, id).await? { Ok(()) } else { Err(NotificationError::NotFound) }
    }

    async fn mark_all_read(&self, _: &Ctx, user: UserId) -> Result<()> {
        Ok(self.store.mark_all_read(user).await?)
    }

    async fn preferences(&self, _: &Ctx, user: UserId) -> Result<NotificationPreferences> {
        Ok(rules::complete(self.store.preferences(user).await?.unwrap_or_default()))
    }

    async fn change_preferences(
        &self,
        _: &Ctx,
        user: UserId,
        preferences: NotificationPreferences,
    ) -> Result<NotificationPreferences> {
        self.store.set_preferences(user, &preferences).await?;
        Ok(rules::complete(preferences))
    }

    async fn list_all(&self, _: &Ctx, query: ListAllNotifications) -> Result<NotificationEntryPage> {
        let ListAllNotifications { page, per_page, status, user_id: user, kind, channel } = query;
        let filter = Filter { user, unread: None, status, kind, channel };
        let page = Page::of(page, per_page, 20);
        let (rows, total) =
            tokio::try_join!(self.store.page(&filter, page.offset(), page.per_page()), self.store.count(&filter))?;
        let notifications = rows.into_iter().map(|row| to_record(row).notification).collect();
        Ok(NotificationEntryPage { notifications, pagination: page.of_total(total) })
    }

    async fn get(&self, _: &Ctx, id: NotificationId) -> Result<NotificationRecord> {
        self.store.get(id).await?.map(to_record).ok_or(NotificationError::NotFound)
    }

    async fn resend(&self, cx: &Ctx, id: NotificationId) -> Result<NotificationEntry> {
        let key = Used::of(cx, ops::RESEND, &id)?.map(|used| format!("{} {}", used.scope, used.key));
        if let Some(row) = self.store.queue_again(id, key.as_deref()).await? {
            self.wake.of(row.channel).notify_one();
            return Ok(to_record(row).notification);
        }
        match self.store.get(id).await? {
            Some(row) if key.is_some() && row.resend_key == key => {
                cx.mark_replayed();
                Ok(to_record(row.into_queued()).notification)
            }
            Some(_) => Err(NotificationError::StillQueued),
            None => Err(NotificationError::NotFound),
        }
    }

    async fn preview(&self, _: &Ctx, request: PreviewTemplate) -> Result<TemplatePreview> {
        let notices = Notice::examples(request.kind)?;
        let notice = notices.first().ok_or_else(|| Fault::internal("a kind without an example"))?;
        let message = self.templates.render(request.locale.as_deref(), request.channel, Some("Leyla"), notice)?;
        Ok(TemplatePreview { locale: message.locale, subject: message.subject, text: message.text, html: message.html })
    }

    async fn mailbox(&self, _: &Ctx) -> Result<Mailbox> {
        let messages = self.mailbox.as_ref().map(RecentMessages::messages).ok_or(NotificationError::NoMailbox)?;
        Ok(Mailbox { messages })
    }

    async fn handle(&self, _: &Ctx, id: EventId, event: Envelope) -> Result<()> {
        if id.0 != event.id {
            return Err(Fault::invalid("/id", "must be the id of the event").into());
        }
        let Some(news) = news::read(&event)? else { return Ok(()) };
        let rows = match news.notice {
            Some(notice) => self.write(&event, news.user, news.contact.as_ref(), notice).await?,
            None => Vec::new(),
        };
        self.store.record(event.id, news.contact.as_ref(), &rows).await?;
        for row in rows {
            self.wake.of(row.channel).notify_one();
        }
        Ok(())
    }
}

impl Notifications {
    /// The notifications of a notice: one for each channel that goes somewhere and that the user wants.
    ///
    /// Events of different modules have no order: the user may not be known yet. The address is looked up when it is sent. Nothing
    /// that the user typed is in a message for an address that is not confirmed, or not known to be, nor in an SMS, as nobody proves
    /// numbers.
    async fn write(&self, event: &Envelope, user: UserId, told: Option<&Contact>, notice: Notice) -> Result<Vec<Row>> {
        let (known, preferences, now) =
            tokio::try_join!(self.store.contact(user), self.store.preferences(user), self.store.now())?;
        let told = told.filter(|told| known.as_ref().is_none_or(|known| told.replaces(known)));
        let (contact, preferences) = (told.or(known.as_ref()), preferences.unwrap_or_default());
        let is_proved = contact.is_some_and(|contact| contact.email_confirmed) && notice.proof().is_none();
        let notice = if is_proved { notice } else { notice.impersonal() };
        let has_no_phone = contact.is_some_and(|contact| contact.phone.as_deref().and_then(rules::phone).is_none());
        let mut rows = Vec::new();
        for &channel in &self.channels {
            let is_pointless = channel == NotificationChannel::Sms && has_no_phone;
            if is_pointless || !rules::wants(&preferences, notice.kind, channel) {
                continue;
            }
            let is_personal = is_proved && channel == NotificationChannel::Email;
            let name = contact.filter(|_| is_personal).map(|contact| contact.first_name.as_str());
            let message = self.templates.render(preferences.locale.as_deref(), channel, name, &notice)?;
            let mut row = Row::new(event.id, user, notice.kind, channel, message, now);
            row.is_personal = is_personal;
            if let Some(proof) = notice.proof().filter(|_| channel == NotificationChannel::Email) {
                (row.address, row.secret) = (Some(proof.email.clone()), Some(proof.token.clone()));
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

fn to_notification(row: Row) -> Notification {
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

fn to_record(row: Row) -> NotificationRecord {
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
