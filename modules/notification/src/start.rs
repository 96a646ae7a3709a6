//! How the module is started, and what it does without being asked.

use crate::{
    Config, MailWay, NotificationChannel,
    mail::Mailer,
    mailbox::Ring,
    sender::{Sender, Wake, Way},
    service::Notifications,
    sms,
    store::Store,
    templates::Templates,
};
use kernel::{BoxError, Health, chrono::TimeDelta, jobs::Jobs};
use std::time::Duration;

/// Opens the module's store and brings it up to date, and reads the templates. Nothing is sent.
///
/// # Errors
/// When a setting cannot be used, a template is broken, or the store cannot be opened.
pub async fn open(config: &Config) -> Result<Notifications, BoxError> {
    let notifications = assemble(config).await?.0;
    notifications.store.migrate().await?;
    Ok(notifications)
}

/// Brings the module's store up to date.
///
/// # Errors
/// When the store cannot be opened or brought up to date.
pub async fn migrate(config: &Config) -> Result<(), BoxError> {
    config.check()?;
    Store::open(config).await?.migrate().await
}

/// Starts the module and its `jobs`, which bring its store up as soon as it can be reached.
///
/// # Errors
/// When a setting cannot be used, or a template is broken.
pub async fn start(config: &Config, jobs: &Jobs) -> Result<Notifications, BoxError> {
    let (notifications, ways) = assemble(config).await?;
    notifications.store.keep_up(jobs);
    let store = notifications.store.in_background();
    for way in ways {
        Sender::new(config, store.clone(), way, jobs.stopping().clone()).start(notifications.wake.clone(), jobs);
    }
    let queued = metrics::gauge!("souk_notifications_queued");
    jobs.every("notification.metrics", Duration::from_secs(5), {
        let store = store.clone();
        move || {
            let (store, queued) = (store.clone(), queued.clone());
            async move {
                queued.set(store.queued().await? as f64);
                Ok(())
            }
        }
    });
    if config.history_days > 0 {
        let history = TimeDelta::days(config.history_days.into());
        jobs.every("notification.sweep", Duration::from_secs(3600), move || {
            let store = store.clone();
            async move { store.sweep(history).await }
        });
    }
    Ok(notifications)
}

async fn assemble(config: &Config) -> Result<(Notifications, Vec<Way>), BoxError> {
    config.check()?;
    let templates = Templates::open(config)?;
    let ring = Ring::default();
    let (mail, sms) = (Mailer::new(config, ring.clone())?, sms::provider(config, ring.clone())?);
    let channels = [mail.is_some().then_some(NotificationChannel::Email), sms.is_some().then_some(NotificationChannel::Sms)];
    let notifications = Notifications {
        store: Store::open(config).await?,
        templates,
        channels: channels.into_iter().flatten().collect(),
        wake: Wake::default(),
        mailbox: (config.mail == MailWay::Mailbox).then_some(ring),
    };
    Ok((notifications, mail.map(Way::Mail).into_iter().chain(sms.map(Way::Sms)).collect()))
}

impl Notifications {
    /// The store, for health checks.
    pub fn health(&self) -> impl Health + use<> {
        self.store.clone()
    }
}
