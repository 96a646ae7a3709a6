//! Opens and starts the module.

use crate::{
    NotificationChannel, NotificationClient,
    config::{Config, MailTransport},
    context::Notifications,
    mail::{self, Mailer},
    mailbox::RecentMessages,
    sender::{Provider, Sender},
    sms,
    store::Store,
    templates::Templates,
    wake::Wake,
};
use kernel::{
    BoxError,
    chrono::TimeDelta,
    module::{Module, Start, Store as _},
    verify::Finding,
};
use std::time::Duration;

impl Module for Notifications {
    type Client = NotificationClient;
    type Config = Config;
    type Store = Store;
    type Peers = ();

    async fn open(config: &Config) -> Result<Store, BoxError> {
        config.check()?;
        Store::open(&config.database_url, config.pool, config.history_days).await
    }

    async fn start(start: Start<'_, Self>) -> Result<Self, BoxError> {
        let Start { config, store, jobs, .. } = start;
        let (notifications, providers) = assemble(config, store)?;
        let store = notifications.store.in_background();
        for provider in providers {
            Sender::new(config, store.clone(), provider, jobs.stopping().clone()).start(notifications.wake.clone(), jobs);
        }
        metrics::describe_counter!("souk_notifications_total", "Attempts to send a notification, by channel and outcome");
        metrics::describe_gauge!("souk_notifications_queued", "Notifications that wait to be sent");
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

    async fn verify(store: &Store) -> Result<Vec<Finding>, BoxError> {
        store.verify().await
    }
}

impl Notifications {
    /// Opens and migrates the store and reads the templates, without workers and background jobs.
    ///
    /// # Errors
    /// When a setting cannot be used, a template is broken, or the store cannot be opened.
    pub async fn open_and_migrate(config: &Config) -> Result<Self, BoxError> {
        let store = <Self as Module>::open(config).await?;
        store.migrate().await?;
        Ok(assemble(config, store)?.0)
    }
}

fn stock_mail_to(config: &Config) -> Result<Option<String>, BoxError> {
    let to = &config.stock_mail_to;
    if to.is_empty() {
        return Ok(None);
    }
    let address = mail::address(to)
        .ok_or_else(|| format!("notification.stock_mail_to: {to:?} is not an address such as stock@souk.test"))?;
    Ok(Some(address.to_string()))
}

fn assemble(config: &Config, store: Store) -> Result<(Notifications, Vec<Provider>), BoxError> {
    let templates = Templates::open(config)?;
    let recent = RecentMessages::default();
    let (mail, sms) = (Mailer::new(config, recent.clone())?, sms::provider(config, recent.clone())?);
    let channels = [mail.is_some().then_some(NotificationChannel::Email), sms.is_some().then_some(NotificationChannel::Sms)];
    let notifications = Notifications {
        store,
        templates,
        channels: channels.into_iter().flatten().collect(),
        stock_mail_to: stock_mail_to(config)?,
        wake: Wake::default(),
        mailbox: (config.mail == MailTransport::Mailbox).then_some(recent),
    };
    Ok((notifications, mail.map(Provider::Mail).into_iter().chain(sms.map(Provider::Sms)).collect()))
}
