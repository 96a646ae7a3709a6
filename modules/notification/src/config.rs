//! Settings of the module.

use kernel::{BoxError, Secret, db::Pool};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the store, e.g. `sqlite://data/notification.db`, `postgres://user:password@host/notification` or
    /// `mongodb://user:password@host/notification`.
    pub database_url: String,
    /// Pool of the store.
    pub pool: Pool,
    /// Lifetime of notifications in days; 0: no expiry. Must be longer than the longest retry.
    pub history_days: u32,
    /// Name of the shop in texts.
    pub shop: String,
    /// URL of the shop, e.g. `https://souk.example`, with which links in texts begin. Empty: texts have no links.
    pub shop_url: String,
    /// Language of the shop (BCP 47), for users without a chosen one.
    pub locale: String,
    /// A folder with templates that replace the built-in ones or add languages: `<folder>/de/order.placed.subject.txt`. Empty:
    /// none.
    pub templates_folder: PathBuf,
    /// Destination of mail.
    pub mail: MailTransport,
    /// Sender of mail: `Name <address>`.
    pub from: String,
    /// Address for replies; empty: the sender.
    pub reply_to: String,
    /// Address that gets a mail when the stock of a variant becomes low; empty: none does.
    pub stock_mail_to: String,
    /// The mail server, for `mail = "smtp"`.
    pub smtp: Smtp,
    /// Destination of SMS.
    pub sms: SmsTransport,
    /// The SMS provider, for `sms = "http"`.
    pub sms_http: SmsHttp,
    /// Highest number of concurrent attempts on one channel, 1 to 100.
    pub sends_at_once: u32,
    /// Milliseconds between attempts to send a message that was refused or may have been sent. After the last attempt the message
    /// has failed.
    pub retry_ms: Vec<u64>,
    /// Hours after which a message fails while the mail server or the provider cannot be reached, 1 to 720.
    pub give_up_hours: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: "sqlite://data/notification.db".into(),
            pool: Pool::default(),
            history_days: 365,
            shop: "Souk".into(),
            shop_url: String::new(),
            locale: "en".into(),
            templates_folder: PathBuf::new(),
            mail: MailTransport::Mailbox,
            from: "Souk <shop@souk.test>".into(),
            reply_to: String::new(),
            stock_mail_to: String::new(),
            smtp: Smtp::default(),
            sms: SmsTransport::Log,
            sms_http: SmsHttp::default(),
            sends_at_once: 8,
            retry_ms: vec![30_000, 120_000, 600_000, 3_600_000, 14_400_000, 43_200_000, 86_400_000],
            give_up_hours: 72,
        }
    }
}

/// Destination of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTransport {
    /// The development mailbox: nothing leaves the process.
    Mailbox,
    /// A mail server.
    Smtp,
    /// None: no e-mail is recorded.
    Off,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// Name of the server.
    pub host: String,
    /// Port of the server.
    pub port: u16,
    /// User name; empty: no login.
    pub username: String,
    /// Password of the user.
    pub password: Secret,
    /// Encryption of the connection.
    pub tls: Tls,
    /// Highest number of idle connections, 0 to 100.
    pub pool: u32,
    /// Time-out in milliseconds for all commands before the mail itself, from connecting to the recipient, 100 to 120,000.
    pub timeout_ms: u64,
    /// Time-out in milliseconds for a mail and its answer, 100 to 1,800,000. Servers that scan for viruses can take minutes (RFC
    /// 5321 4.5.3.2.6); a mail without an answer may have been sent, and is sent again.
    pub data_timeout_ms: u64,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            port: 587,
            username: String::new(),
            password: Secret::default(),
            tls: Tls::Starttls,
            pool: 4,
            timeout_ms: 10_000,
            data_timeout_ms: 300_000,
        }
    }
}

/// Encryption of a connection to a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// It begins in plain text and must be upgraded (port 587).
    Starttls,
    /// From the beginning (port 465).
    Implicit,
    /// Not at all.
    None,
}

/// Destination of SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsTransport {
    /// The log, without the text, and the development mailbox.
    Log,
    /// A provider with an HTTP API.
    Http,
    /// None: no SMS is recorded.
    Off,
}

/// An SMS provider: a POST of JSON such as `{"to": "+49301234567", "text": "..."}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsHttp {
    /// URL of the provider.
    pub url: String,
    /// Name of the header with the credentials, e.g. `Authorization`; empty: none.
    pub header: String,
    /// Value of the header, e.g. `Bearer 123`.
    pub header_value: Secret,
    /// Field of the body with the number.
    pub to_field: String,
    /// Field of the body with the text.
    pub text_field: String,
    /// Further fields of the body.
    pub fields: BTreeMap<String, String>,
    /// Time-out in milliseconds to connect, 100 to 120,000; connecting and the answer may take twice as long.
    pub timeout_ms: u64,
}

impl Default for SmsHttp {
    fn default() -> Self {
        Self {
            url: String::new(),
            header: String::new(),
            header_value: Secret::default(),
            to_field: "to".into(),
            text_field: "text".into(),
            fields: BTreeMap::new(),
            timeout_ms: 10_000,
        }
    }
}

impl Config {
    /// Checks the ranges of settings. Addresses, templates and the URL of the store are checked where they are used.
    pub(crate) fn check(&self) -> Result<(), BoxError> {
        if !(1..=100).contains(&self.sends_at_once) {
            return Err("notification.sends_at_once must be 1 to 100".into());
        }
        if self.retry_ms.is_empty() || self.retry_ms.iter().any(|wait| !(1..=604_800_000).contains(wait)) {
            return Err("notification.retry_ms must have at least one wait, each of 1 ms to a week".into());
        }
        if !(1..=720).contains(&self.give_up_hours) {
            return Err("notification.give_up_hours must be 1 to 720".into());
        }
        let longest = u64::from(self.give_up_hours) + self.retry_ms.iter().sum::<u64>() / 3_600_000;
        if self.history_days != 0 && (u64::from(self.history_days) * 24 <= longest || self.history_days > 3_650) {
            return Err("notification.history_days must be 0, or at most 3650 and longer than the longest retry".into());
        }
        if self.smtp.pool > 100 {
            return Err("notification.smtp.pool must be at most 100".into());
        }
        for (name, timeout) in [("smtp", self.smtp.timeout_ms), ("sms_http", self.sms_http.timeout_ms)] {
            if !(100..=120_000).contains(&timeout) {
                return Err(format!("notification.{name}.timeout_ms must be 100 to 120000").into());
            }
        }
        if !(100..=1_800_000).contains(&self.smtp.data_timeout_ms) {
            return Err("notification.smtp.data_timeout_ms must be 100 to 1800000".into());
        }
        let is_web = |url: &str| url.parse::<reqwest::Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !self.shop_url.is_empty() && !is_web(&self.shop_url) {
            return Err("notification.shop_url must be empty, or an address such as https://souk.example".into());
        }
        if self.pool.connections == 0 {
            return Err("notification.pool.connections must be at least 1".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_unknown_settings_refused() {
        let mut config = Config::default();
        config.smtp.password = "open sesame".into();
        config.sms_http.header_value = "Bearer 123".into();
        let shown = format!("{} {config:?}", serde_json::to_string(&config).expect("json"));
        assert!(!shown.contains("sesame") && !shown.contains("123\"") && !shown.contains("Bearer"), "{shown}");
        assert!(shown.contains(r#""password":"***""#));
        assert!(serde_json::from_str::<Config>(r#"{"smtp": {"pass": "x"}}"#).is_err());
        let plain = serde_json::to_string(&Config::default()).expect("json");
        assert_eq!(serde_json::from_str::<Config>(&plain).expect("settings"), Config::default());
    }

    #[test]
    fn a_setting_out_of_its_range_is_named() {
        let error = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().expect_err("out of range").to_string()
        };
        assert!(error(|c| c.sends_at_once = 0).contains("notification.sends_at_once"));
        assert!(error(|c| c.retry_ms.clear()).contains("notification.retry_ms"));
        assert!(error(|c| c.give_up_hours = 0).contains("notification.give_up_hours"));
        assert!(error(|c| c.history_days = 3).contains("notification.history_days"));
        assert!(error(|c| c.smtp.timeout_ms = 1).contains("notification.smtp.timeout_ms"));
        assert!(error(|c| c.smtp.data_timeout_ms = 1).contains("notification.smtp.data_timeout_ms"));
        assert!(error(|c| c.shop_url = "souk.example".into()).contains("notification.shop_url"));
        assert!(error(|c| c.sms_http.timeout_ms = 1).contains("notification.sms_http.timeout_ms"));
        assert!(error(|c| c.pool.connections = 0).contains("notification.pool.connections"));
        Config::default().check().expect("the defaults are in their ranges");
    }
}
