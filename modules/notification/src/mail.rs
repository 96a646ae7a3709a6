//! Mail: into the development mailbox, or to a server by SMTP.

use crate::{
    config::{Config, MailTransport, Smtp, Tls},
    mailbox::RecentMessages,
    outcome::Outcome,
    store::stored::{Contact, Row},
    text::{one_line, redact},
    view::to_mailbox_message,
};
use kernel::BoxError;
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use std::{
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mailer(Arc<Inner>);

struct Inner {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    delivery: Delivery,
}

enum Delivery {
    Recent(RecentMessages),
    Server(Server),
}

impl Mailer {
    /// The mailer of the settings; `None` when mail is off.
    ///
    /// # Errors
    /// When an address or the name of the server is invalid.
    pub(crate) fn new(config: &Config, recent: RecentMessages) -> Result<Option<Self>, BoxError> {
        let address = |name: &str, text: &str| {
            let is_line = !text.chars().any(char::is_control);
            let parsed = is_line.then(|| text.parse::<Mailbox>().ok()).flatten();
            parsed.ok_or_else(|| format!("notification.{name}: {text:?} is not an address such as Souk <shop@souk.test>"))
        };
        let from = address("from", &config.from)?;
        let reply_to = if config.reply_to.is_empty() { None } else { Some(address("reply_to", &config.reply_to)?) };
        let delivery = match config.mail {
            MailTransport::Off => return Ok(None),
            MailTransport::Mailbox => Delivery::Recent(recent),
            MailTransport::Smtp => Delivery::Server(Server::new(&config.smtp, from.email.domain())?),
        };
        Ok(Some(Self(Arc::new(Inner { from, reply_to, delivery }))))
    }

    /// The longest duration of an attempt.
    pub(crate) fn longest_attempt(&self) -> Duration {
        match &self.0.delivery {
            Delivery::Recent(_) => Duration::ZERO,
            Delivery::Server(server) => server.timeout + server.data_timeout + CLOSING_TIMEOUT,
        }
    }

    /// Sends a notification to its fixed address, or else to its user.
    pub(crate) async fn send(&self, row: &Row, contact: Option<&Contact>) -> Outcome {
        let (to, name) = match (&row.address, contact) {
            (Some(address), _) => (address.as_str(), None),
            (None, Some(contact)) if contact.email_confirmed => {
                (contact.email.as_str(), Some(format!("{} {}", contact.first_name, contact.last_name)))
            }
            (None, Some(_)) if row.is_personal => {
                return Outcome::NotYet("It is for a confirmed address, and the user's is not confirmed".into());
            }
            (None, Some(contact)) => (contact.email.as_str(), None),
            (None, None) => return Outcome::NotYet("The address of the user is not known yet".into()),
        };
        let Some(to) = address(to) else {
            return Outcome::Impossible("The user's e-mail address cannot be written to".into());
        };
        let row = row.reveal();
        let letter = match self.letter(&row, name.as_deref(), to.clone()) {
            Ok(letter) => letter,
            Err(e) => return Outcome::Impossible(format!("The mail cannot be written: {e}")),
        };
        match &self.0.delivery {
            Delivery::Recent(recent) => {
                recent.add(to_mailbox_message(&row, to.as_ref()));
                Outcome::Sent { to: to.to_string() }
            }
            Delivery::Server(server) => server.send(letter.envelope(), &letter.formatted(), &to).await,
        }
    }

    fn letter(&self, row: &Row, name: Option<&str>, to: Address) -> Result<Message, lettre::error::Error> {
        let to = Mailbox::new(name.map(one_line).filter(|name| !name.is_empty()), to);
        // prevents automatic replies (RFC 3834)
        let auto_submitted = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        let mut letter = Message::builder()
            .message_id(Some(message_id(row, self.0.from.email.domain())))
            .date(row.queued_at.into())
            .from(self.0.from.clone())
            .to(to)
            .subject(one_line(&row.subject))
            .raw_header(auto_submitted);
        if let Some(reply_to) = &self.0.reply_to {
            letter = letter.reply_to(reply_to.clone());
        }
        let html = row.html.clone().unwrap_or_default();
        letter.multipart(MultiPart::alternative_plain_html(row.text.clone(), html))
    }
}

/// An address in the form for mail servers: an international domain in ASCII (RFC 5890). `None` for an invalid address, and for
/// the reserved domain (RFC 2606) of accounts whose address was disowned.
pub(crate) fn address(text: &str) -> Option<Address> {
    let (user, domain) = text.rsplit_once('@')?;
    if domain.ends_with(".invalid") {
        return None;
    }
    if domain.is_ascii() {
        return Address::new(user, domain).ok();
    }
    Address::new(user, idna::domain_to_ascii(domain).ok()?).ok()
}

/// The Message-ID: the same for every attempt, by which duplicates can be recognized. A mail that an admin sends again has
/// another one.
fn message_id(row: &Row, domain: &str) -> String {
    if row.queued_at == row.created_at {
        return format!("<{}@{domain}>", row.id);
    }
    format!("<{}.{}@{domain}>", row.id, row.queued_at.timestamp_millis())
}

/// A mail server, with a pool of connections.
///
/// lettre's own pool also reuses a connection after a time-out: the late answer to the old command would be read as the answer to
/// the next one.
struct Server {
    host: String,
    port: u16,
    tls: Option<TlsParameters>,
    is_upgraded: bool,
    credentials: Option<Credentials>,
    hello: ClientId,
    /// For all commands before the mail itself.
    timeout: Duration,
    /// For the mail and the answer to it.
    data_timeout: Duration,
    max_idle: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// The longest time to close a connection after a refusal.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);

/// The stage at which sending failed.
enum Failure {
    /// Before the message, which cannot be the cause.
    Connecting(Error),
    /// While sender and recipient were announced.
    Announcing(Error),
    /// The server does not know addresses with letters beyond ASCII before the `@` (RFC 6531).
    NoSmtpUtf8,
}

impl Server {
    fn new(config: &Smtp, domain: &str) -> Result<Self, BoxError> {
        if config.host.is_empty() || config.host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("notification.smtp.host must name the mail server".into());
        }
        let tls = match config.tls {
            Tls::None => None,
            Tls::Starttls | Tls::Implicit => {
                let parameters = TlsParameters::new(config.host.clone());
                Some(parameters.map_err(|e| format!("notification.smtp.host: {e}"))?)
            }
        };
        let credentials =
            (!config.username.is_empty()).then(|| Credentials::new(config.username.clone(), config.password.reveal().into()));
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            tls,
            is_upgraded: config.tls == Tls::Starttls,
            credentials,
            hello: ClientId::Domain(domain.into()),
            timeout: Duration::from_millis(config.timeout_ms),
            data_timeout: Duration::from_millis(config.data_timeout_ms),
            max_idle: config.pool as usize,
            idle: Mutex::default(),
        })
    }

    async fn send(&self, envelope: &Envelope, letter: &[u8], to: &Address) -> Outcome {
        let mut connection = match tokio::time::timeout(self.timeout, self.announce(envelope, to)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(failure)) => return failure.outcome(to),
            // the connection is dropped with the attempt
            Err(_) => return Outcome::Unreachable { reason: "The mail server did not answer in time".into(), hung: true },
        };
        // from now on the server may accept the mail although its answer is lost
        match tokio::time::timeout(self.data_timeout, connection.message(letter)).await {
            Ok(Ok(_)) => {
                self.park(connection);
                Outcome::Sent { to: to.to_string() }
            }
            Ok(Err(e)) if e.status().is_some() => {
                close(connection).await;
                refusal(&e, to)
            }
            Ok(Err(e)) => Outcome::MaybeSent(format!("The connection broke after the mail: {}", describe(&e, to))),
            Err(_) => Outcome::MaybeSent("The mail server did not answer in time after the mail".into()),
        }
    }

    /// Announces sender and recipient; returns the connection, ready for the mail itself.
    async fn announce(&self, envelope: &Envelope, to: &Address) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.connection().await.map_err(Failure::Connecting)?;
        let options = match to.user().is_ascii() {
            true => Vec::new(),
            false if !connection.server_info().supports_feature(Extension::SmtpUtfEight) => return Err(Failure::NoSmtpUtf8),
            false => vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)],
        };
        let mut answer = connection.command(Mail::new(envelope.from().cloned(), options)).await;
        if answer.is_ok() {
            answer = connection.command(Rcpt::new(to.clone(), Vec::new())).await;
        }
        if answer.is_ok() {
            answer = connection.command(Data).await;
        }
        match answer {
            Ok(_) => Ok(connection),
            Err(e) => {
                if e.status().is_some() {
                    close(connection).await;
                }
                Err(Failure::Announcing(e))
            }
        }
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        /// Servers close connections that are idle for minutes.
        const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
        while let Some(Idle { mut connection, since }) = self.unpark() {
            if since.elapsed() < MAX_IDLE_TIME && connection.test_connected().await {
                return Ok(connection);
            }
        }
        let server = (self.host.as_str(), self.port);
        let at_once = self.tls.clone().filter(|_| !self.is_upgraded);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, at_once, None).await?;
        if let (Some(tls), true) = (&self.tls, self.is_upgraded) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn unpark(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn park(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.max_idle {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

async fn close(mut connection: AsyncSmtpConnection) {
    // a failure to close has no consequence
    drop(tokio::time::timeout(CLOSING_TIMEOUT, connection.abort()).await);
}

impl Failure {
    fn outcome(self, to: &Address) -> Outcome {
        match self {
            Self::Connecting(e) => Outcome::unreachable(format!("The mail server cannot be reached: {}", describe(&e, to))),
            Self::Announcing(e) if e.status().is_some() => refusal(&e, to),
            Self::Announcing(e) => Outcome::unreachable(format!("The connection to the mail server broke: {}", describe(&e, to))),
            Self::NoSmtpUtf8 => {
                let reason = "The mail server takes no address with letters beyond ASCII before the @ (SMTPUTF8)";
                Outcome::Refused { reason: reason.into(), is_final: true }
            }
        }
    }
}

/// The outcome of a refusal.
fn refusal(e: &Error, to: &Address) -> Outcome {
    /// Service not available, closing the channel (RFC 5321).
    const CLOSING: u16 = 421;
    /// Authentication required (RFC 4954): a mistake in the settings.
    const NOT_AUTHENTICATED: u16 = 530;
    match e.status().map(u16::from) {
        Some(CLOSING | NOT_AUTHENTICATED) => {
            Outcome::unreachable(format!("The mail server takes no mail now: {}", describe(e, to)))
        }
        _ => Outcome::Refused { reason: format!("The mail server refused it: {}", describe(e, to)), is_final: e.is_permanent() },
    }
}

/// The error as one short line without the recipient.
fn describe(e: &Error, to: &Address) -> String {
    let cause = e.source().map_or_else(|| e.to_string(), ToString::to_string);
    let cause = redact(&one_line(&cause), to.as_ref());
    let text = match e.status() {
        Some(code) => format!("{code} {cause}"),
        None => cause,
    };
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventId, NotificationChannel, NotificationId, NotificationKind, NotificationStatus, store::stored};
    use kernel::{UserId, now};

    fn row(subject: &str) -> Row {
        let at = stored::now();
        Row {
            id: NotificationId(uuid::Uuid::now_v7()),
            event_id: EventId(uuid::Uuid::now_v7()),
            user_id: UserId(7),
            kind: NotificationKind::OrderPlaced,
            channel: NotificationChannel::Email,
            locale: "en".into(),
            recipient: None,
            subject: subject.into(),
            text: "Hello\n".into(),
            html: Some("<p>Hello</p>".into()),
            status: NotificationStatus::Queued,
            attempts: 0,
            last_error: None,
            due_at: at,
            queued_at: at,
            created_at: at,
            sent_at: None,
            read_at: None,
            claims: 1,
            address: None,
            secret: None,
            is_personal: false,
            resend_key: None,
            trace: None,
        }
    }

    fn contact(email: &str, first_name: &str) -> Contact {
        Contact {
            user_id: UserId(7),
            email: email.into(),
            first_name: first_name.into(),
            last_name: "Aziz".into(),
            phone: None,
            updated_at: now(),
            version: 1,
            email_confirmed: true,
        }
    }

    fn mailer(config: &Config) -> Mailer {
        Mailer::new(config, RecentMessages::default()).expect("good settings").expect("mail is on")
    }

    #[test]
    fn no_name_or_subject_adds_a_header() {
        let mailer = mailer(&Config { reply_to: "help@souk.test".into(), ..Config::default() });
        let to = "leyla@example.com".parse().expect("an address");
        let evil = Some("Leyla\r\nBcc: eve@example.com\r\n\r\n<b> Aziz");
        let row = row("Order\r\nBcc: eve@example.com\n\nX");
        let letter = String::from_utf8(mailer.letter(&row, evil, to).expect("a letter").formatted()).expect("text");
        let (headers, body) = letter.split_once("\r\n\r\n").expect("headers and a body");
        let names: Vec<&str> =
            headers.lines().filter(|l| !l.starts_with([' ', '\t'])).filter_map(|l| l.split(':').next()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        let expected =
            ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Reply-To", "Subject", "To"];
        assert_eq!(sorted, expected, "{headers}");
        assert!(headers.contains(&format!("Message-ID: <{}@souk.test>", row.id)), "{headers}");
        assert!(body.contains("text/plain") && body.contains("text/html"));
    }

    #[tokio::test]
    async fn an_invalid_address_is_impossible() {
        let mailer = mailer(&Config::default());
        for bad in
            ["", "leyla", "a@b@c", "leyla@example.com\r\nRCPT TO:<eve@example.com>", "<leyla@example.com>", "x@disowned.invalid"]
        {
            let outcome = mailer.send(&row("Order"), Some(&contact(bad, "Leyla"))).await;
            assert!(matches!(outcome, Outcome::Impossible(_)), "{bad:?}: {outcome:?}");
        }
    }

    #[test]
    fn domains_are_written_in_ascii() {
        let written = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(written("a@müller.de").as_deref(), Some("a@xn--mller-kva.de"));
        assert_eq!(written("Leyla.Aziz+shop@example.com").as_deref(), Some("Leyla.Aziz+shop@example.com"));
        assert_eq!(written("löwe@example.com").as_deref(), Some("löwe@example.com"));
        for bad in ["a@", "a@-.de", "a@mü ller.de", "@müller.de", ".a@example.com", "a..b@example.com"] {
            assert_eq!(written(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_name_goes_to_a_confirmed_address_only() {
        let mailer = mailer(&Config::default());
        let mut stranger = contact("stranger@example.com", "You won, see www.example.com");
        let mut letter = row("Order");
        letter.is_personal = true;
        assert!(matches!(mailer.send(&letter, Some(&stranger)).await, Outcome::Sent { .. }));
        stranger.email_confirmed = false;
        assert!(matches!(mailer.send(&letter, Some(&stranger)).await, Outcome::NotYet(_)));
        letter.is_personal = false;
        assert!(matches!(mailer.send(&letter, Some(&stranger)).await, Outcome::Sent { .. }));
        assert!(matches!(mailer.send(&letter, None).await, Outcome::NotYet(_)));
        // a fixed address, whatever the user's is
        letter.address = Some("old@example.com".into());
        assert_eq!(mailer.send(&letter, Some(&stranger)).await, Outcome::Sent { to: "old@example.com".into() });
    }

    #[test]
    fn invalid_settings_are_named() {
        let error = |config: Config| Mailer::new(&config, RecentMessages::default()).err().expect("invalid").to_string();
        assert!(error(Config { from: "nobody".into(), ..Config::default() }).contains("notification.from"));
        assert!(error(Config { from: "A\r\nB <a@b.test>".into(), ..Config::default() }).contains("notification.from"));
        assert!(error(Config { reply_to: "@".into(), ..Config::default() }).contains("notification.reply_to"));
        let smtp = Smtp { host: String::new(), ..Smtp::default() };
        assert!(error(Config { mail: MailTransport::Smtp, smtp, ..Config::default() }).contains("notification.smtp.host"));
    }
}
