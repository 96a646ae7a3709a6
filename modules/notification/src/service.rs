//! The implementation of [`NotificationApi`].

use crate::{
    EventId, ListAllNotifications, ListNotifications, Mailbox, NotificationApi, NotificationEntry, NotificationEntryPage,
    NotificationError, NotificationId, NotificationPage, NotificationPreferences, NotificationRecord, PreviewTemplate,
    TemplatePreview,
    context::{Notifications, Result},
    examples::examples,
    mailbox::RecentMessages,
    ops, rules,
    store::stored::Filter,
    view::{to_notification, to_record},
};
use kernel::{Ctx, Envelope, Fault, Page, UserId, idempotency::Used};

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
        let notices = examples(request.kind)?;
        let notice = notices.first().ok_or_else(|| Fault::internal("a kind without an example"))?;
        let message = self.templates.render(request.locale.as_deref(), request.channel, Some("Leyla"), notice)?;
        Ok(TemplatePreview { locale: message.locale, subject: message.subject, text: message.text, html: message.html })
    }

    async fn mailbox(&self, _: &Ctx) -> Result<Mailbox> {
        let messages = self.mailbox.as_ref().map(RecentMessages::messages).ok_or(NotificationError::NoMailbox)?;
        Ok(Mailbox { messages })
    }

    async fn handle(&self, _: &Ctx, id: EventId, event: Envelope) -> Result<()> {
        self.record(id, event).await
    }
}
