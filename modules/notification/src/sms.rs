//! SMS: into the log, or to a provider by HTTP.

use crate::{
    config::{Config, SmsHttp, SmsTransport},
    mailbox::RecentMessages,
    outcome::Outcome,
    rules::phone,
    store::stored::{Contact, Row},
    text::one_line,
    view::to_mailbox_message,
};
use kernel::{BoxError, BoxFuture};
use reqwest::{
    Client, StatusCode, Url,
    header::{HeaderName, HeaderValue},
};
use serde_json::{Map, Value};
use std::{error::Error, sync::Arc, time::Duration};

/// A provider of SMS.
pub(crate) trait SmsProvider: Send + Sync {
    /// Sends the text of a notification to a number.
    fn send(&self, row: Row, to: String) -> BoxFuture<Outcome>;

    /// The longest duration of an attempt.
    fn longest_attempt(&self) -> Duration;
}

/// The provider of the settings; `None` when SMS are off.
///
/// # Errors
/// When a setting cannot be used.
pub(crate) fn provider(config: &Config, recent: RecentMessages) -> Result<Option<Arc<dyn SmsProvider>>, BoxError> {
    Ok(match config.sms {
        SmsTransport::Off => None,
        SmsTransport::Log => Some(Arc::new(Log { recent })),
        SmsTransport::Http => Some(Arc::new(Http::new(&config.sms_http)?)),
    })
}

/// Sends a notification to its user.
pub(crate) async fn send(provider: &dyn SmsProvider, row: &Row, contact: Option<&Contact>) -> Outcome {
    let Some(contact) = contact else { return Outcome::NotYet("The number of the user is not known yet".into()) };
    match contact.phone.as_deref().and_then(phone) {
        Some(to) => provider.send(row.clone(), to).await,
        None => Outcome::Impossible("The user has no phone number that an SMS can be sent to".into()),
    }
}

/// The provider of development: nothing leaves the process.
struct Log {
    recent: RecentMessages,
}

impl SmsProvider for Log {
    fn send(&self, row: Row, to: String) -> BoxFuture<Outcome> {
        // the number and the text are personal
        tracing::info!(notification = %row.id, kind = %row.kind, "an SMS would be sent");
        self.recent.add(to_mailbox_message(&row, &to));
        Box::pin(async move { Outcome::Sent { to } })
    }

    fn longest_attempt(&self) -> Duration {
        Duration::ZERO
    }
}

/// A provider with a JSON API.
struct Http {
    client: Client,
    timeout: Duration,
    url: Url,
    header: Option<(HeaderName, HeaderValue)>,
    to_field: String,
    text_field: String,
    fields: Map<String, Value>,
}

impl Http {
    fn new(config: &SmsHttp) -> Result<Self, BoxError> {
        let url = config.url.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or("notification.sms_http.url must be the address of the provider: https://...")?;
        let header = match config.header.as_str() {
            "" => None,
            name => {
                let name = name.parse::<HeaderName>().map_err(|_| "notification.sms_http.header is not the name of a header")?;
                let value = HeaderValue::from_str(config.header_value.reveal());
                let mut value = value.map_err(|_| "notification.sms_http.header_value cannot be the value of a header")?;
                value.set_sensitive(true);
                Some((name, value))
            }
        };
        if config.to_field.is_empty() || config.text_field.is_empty() || config.to_field == config.text_field {
            return Err("notification.sms_http.to_field and text_field must name two fields".into());
        }
        let timeout = Duration::from_millis(config.timeout_ms);
        // twice as long, so that a failure to connect differs from a missing answer
        let client = Client::builder().connect_timeout(timeout).timeout(2 * timeout);
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        let fields = config.fields.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        Ok(Self {
            client,
            timeout,
            url,
            header,
            to_field: config.to_field.clone(),
            text_field: config.text_field.clone(),
            fields,
        })
    }
}

impl SmsProvider for Http {
    fn send(&self, row: Row, to: String) -> BoxFuture<Outcome> {
        let mut body = self.fields.clone();
        body.insert(self.to_field.clone(), to.as_str().into());
        body.insert(self.text_field.clone(), row.text.into());
        // for providers that recognize repeated requests
        let mut request = self.client.post(self.url.clone()).header("Idempotency-Key", row.id.to_string()).json(&body);
        if let Some((name, value)) = &self.header {
            request = request.header(name, value);
        }
        Box::pin(async move {
            match request.send().await {
                Ok(response) => outcome(response.status(), to),
                Err(e) => {
                    let e = e.without_url();
                    let cause = e.source().map_or_else(|| e.to_string(), ToString::to_string);
                    let cause = one_line(&cause);
                    match e.is_connect() {
                        true => Outcome::unreachable(format!("The SMS provider cannot be reached: {cause}")),
                        // the provider may have read the request
                        false => Outcome::MaybeSent(format!("The SMS provider did not answer: {cause}")),
                    }
                }
            }
        })
    }

    fn longest_attempt(&self) -> Duration {
        2 * self.timeout
    }
}

fn outcome(status: StatusCode, to: String) -> Outcome {
    if status.is_success() {
        return Outcome::Sent { to };
    }
    let reason = format!("The SMS provider refused it: {status}");
    let is_transient = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    Outcome::Refused { reason, is_final: status.is_client_error() && !is_transient }
}
