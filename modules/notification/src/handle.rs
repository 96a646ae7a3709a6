//! `handle`: records the notifications of an event.

use crate::{
    EventId, NotificationChannel,
    context::{Notifications, Result},
    interpret::interpret,
    notice::Notice,
    rules,
    store::stored::{Contact, Row, SHOP},
};
use kernel::{Envelope, Fault, Trace, UserId};

impl Notifications {
    pub(crate) async fn record(&self, id: EventId, event: Envelope) -> Result<()> {
        if id.0 != event.id {
            return Err(Fault::invalid("/id", "must be the id of the event").into());
        }
        let Some(meaning) = interpret(&event)? else { return Ok(()) };
        let rows = match (meaning.notice, meaning.user) {
            (Some(notice), Some(user)) => self.write(&event, user, meaning.contact.as_ref(), notice).await?,
            (Some(notice), None) => self.write_to_shop(&event, &notice).await?.into_iter().collect(),
            (None, _) => Vec::new(),
        };
        self.store.record(event.id, meaning.contact.as_ref(), &rows).await?;
        for row in rows {
            self.wake.of(row.channel).notify_one();
        }
        Ok(())
    }

    /// Writes the notifications of a notice: one for each channel that is not turned off and that the user wants.
    ///
    /// Events of different modules have no order: the user may not be known yet. The address is looked up when the message is
    /// sent. A message for an address that is not confirmed, or not known to be, contains no text that the user typed. Neither
    /// does an SMS, as numbers are never confirmed.
    async fn write(&self, event: &Envelope, user: UserId, new_contact: Option<&Contact>, notice: Notice) -> Result<Vec<Row>> {
        let (known, preferences, now) =
            tokio::try_join!(self.store.contact(user), self.store.preferences(user), self.store.now())?;
        let newer = new_contact.filter(|new| known.as_ref().is_none_or(|known| new.replaces(known)));
        let (contact, preferences) = (newer.or(known.as_ref()), preferences.unwrap_or_default());
        let is_confirmed = contact.is_some_and(|contact| contact.email_confirmed) && notice.confirmation().is_none();
        let notice = if is_confirmed { notice } else { notice.impersonal() };
        let has_no_phone = contact.is_some_and(|contact| contact.phone.as_deref().and_then(rules::phone).is_none());
        let mut rows = Vec::new();
        for &channel in &self.channels {
            let is_pointless = channel == NotificationChannel::Sms && has_no_phone;
            if is_pointless || !rules::wants(&preferences, notice.kind, channel) {
                continue;
            }
            let is_personal = is_confirmed && channel == NotificationChannel::Email;
            let name = contact.filter(|_| is_personal).map(|contact| contact.first_name.as_str());
            let message = self.templates.render(preferences.locale.as_deref(), channel, name, &notice)?;
            let mut row = Row::new(event.id, user, notice.kind, channel, message, now);
            row.is_personal = is_personal;
            row.trace = Trace::current().or_else(|| event.trace());
            if let Some(confirmation) = notice.confirmation().filter(|_| channel == NotificationChannel::Email) {
                (row.address, row.secret) = (Some(confirmation.email.clone()), Some(confirmation.token.clone()));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Writes the mail of a notice to the shop itself, if the settings have an address for it.
    async fn write_to_shop(&self, event: &Envelope, notice: &Notice) -> Result<Option<Row>> {
        let channel = NotificationChannel::Email;
        let Some(address) = self.stock_mail_to.as_ref().filter(|_| self.channels.contains(&channel)) else { return Ok(None) };
        let message = self.templates.render(None, channel, None, notice)?;
        let mut row = Row::new(event.id, SHOP, notice.kind, channel, message, self.store.now().await?);
        row.address = Some(address.clone());
        row.trace = Trace::current().or_else(|| event.trace());
        Ok(Some(row))
    }
}
