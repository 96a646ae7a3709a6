//! Mail: into the development mailbox, or to a server by SMTP.

use crate::{
    Config, MailWay, MailboxMessage, NotificationChannel, Smtp, Tls,
    mailbox::Ring,
    rules::one_line,
    sender::Outcome,
    store::{Contact, Row},
};
use kernel::{BoxError, now};
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
        extension::ClientId,
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
    way: Way,
}

enum Way {
    Ring(Ring),
    Server(Server),
}

impl Mailer {
    /// As the settings say; none when mail is off.
    ///
    /// # Errors
    /// When an address or the name of the server is not one.
    pub(crate) fn new(config: &Config, ring: Ring) -> Result<Option<Self>, BoxError> {
        let address = |name: &str, text: &str| {
            let is_line = !text.chars().any(char::is_control);
            let parsed = is_line.then(|| text.parse::<Mailbox>().ok()).flatten();
            parsed.ok_or_else(|| format!("notification.{name}: {text:?} is not an address such as Souk <shop@souk.test>"))
        };
        let from = address("from", &config.from)?;
        let reply_to = if config.reply_to.is_empty() { None } else { Some(address("reply_to", &config.reply_to)?) };
        let way = match config.mail {
            MailWay::Off => return Ok(None),
            MailWay::Mailbox => Way::Ring(ring),
            MailWay::Smtp => Way::Server(Server::new(&config.smtp, from.email.domain())?),
        };
        Ok(Some(Self(Arc::new(Inner { from, reply_to, way }))))
    }

    /// Sends a notification to its user.
    pub(crate) async fn send(&self, row: &Row, contact: &Contact) -> Outcome {
        let Ok(to) = contact.email.parse::<Address>() else {
            return Outcome::Hopeless("The user's e-mail address cannot be written to".into());
        };
        let letter = match self.letter(row, contact, to.clone()) {
            Ok(letter) => letter,
            Err(e) => return Outcome::Hopeless(format!("The mail cannot be written: {e}")),
        };
        match &self.0.way {
            Way::Ring(ring) => {
                ring.add(in_mailbox(row, to.as_ref()));
                Outcome::Sent { to: to.to_string() }
            }
            Way::Server(server) => server.send(letter.envelope(), &letter.formatted(), to.as_ref()).await,
        }
    }

    fn letter(&self, row: &Row, contact: &Contact, to: Address) -> Result<Message, lettre::error::Error> {
        let name = one_line(&format!("{} {}", contact.first_name, contact.last_name));
        let to = Mailbox::new((!name.is_empty()).then_some(name), to);
        // answers of machines are not wanted (RFC 3834)
        let by_machine = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        let mut letter = Message::builder()
            .message_id(Some(message_id(row, self.0.from.email.domain())))
            .date(row.queued_at.into())
            .from(self.0.from.clone())
            .to(to)
            .subject(one_line(&row.subject))
            .raw_header(by_machine);
        if let Some(reply_to) = &self.0.reply_to {
            letter = letter.reply_to(reply_to.clone());
        }
        let html = row.html.clone().unwrap_or_default();
        letter.multipart(MultiPart::alternative_plain_html(row.text.clone(), html))
    }
}

/// The same for every attempt, so that a mail that was sent twice because nobody knew can be recognised. One that an admin sends
/// again is another mail.
fn message_id(row: &Row, domain: &str) -> String {
    if row.queued_at == row.created_at {
        return format!("<{}@{domain}>", row.id);
    }
    format!("<{}.{}@{domain}>", row.id, row.queued_at.timestamp_millis())
}

/// A notification as the development mailbox shows it.
pub(crate) fn in_mailbox(row: &Row, to: &str) -> MailboxMessage {
    MailboxMessage {
        id: row.id,
        kind: row.kind,
        channel: row.channel,
        to: to.into(),
        subject: row.subject.clone(),
        text: row.text.clone(),
        html: row.html.clone().filter(|_| row.channel == NotificationChannel::Email),
        sent_at: now(),
    }
}

/// A mail server, with connections that are used again.
///
/// Not lettre's own pool: that takes a connection back whose use was cut off by a time-out, and the late answer to the old command
/// would then be taken for the answer to a new one.
struct Server {
    host: String,
    port: u16,
    tls: Option<TlsParameters>,
    is_upgraded: bool,
    credentials: Option<Credentials>,
    hello: ClientId,
    timeout: Duration,
    keep: usize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// Where sending broke off.
enum Failure {
    /// Before the message: it is not to blame.
    Connecting(Error),
    /// While the server was told of it.
    Sending(Error),
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
            keep: config.pool as usize,
            idle: Mutex::default(),
        })
    }

    async fn send(&self, envelope: &Envelope, letter: &[u8], to: &str) -> Outcome {
        match tokio::time::timeout(self.timeout, self.deliver(envelope, letter)).await {
            Ok(Ok(connection)) => {
                self.park(connection);
                Outcome::Sent { to: to.into() }
            }
            Ok(Err(failure)) => failure.outcome(),
            // the connection is gone with the attempt
            Err(_) => Outcome::Unreachable { reason: "The mail server did not answer in time".into(), hung: true },
        }
    }

    async fn deliver(&self, envelope: &Envelope, letter: &[u8]) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = self.connection().await.map_err(Failure::Connecting)?;
        connection.send(envelope, letter).await.map_err(Failure::Sending)?;
        Ok(connection)
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        /// Servers close what is idle for minutes.
        const MOST_IDLE: Duration = Duration::from_secs(30);
        while let Some(Idle { mut connection, since }) = self.unpark() {
            if since.elapsed() < MOST_IDLE && connection.test_connected().await {
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
        if idle.len() < self.keep {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

impl Failure {
    fn outcome(self) -> Outcome {
        /// Service not available, closing the channel (RFC 5321).
        const CLOSING: u16 = 421;
        match self {
            Self::Connecting(e) => Outcome::unreachable(format!("The mail server cannot be reached: {}", plain(&e))),
            Self::Sending(e) => match e.status().map(u16::from) {
                Some(CLOSING) => Outcome::unreachable(format!("The mail server takes no mail now: {}", plain(&e))),
                Some(_) => Outcome::Refused(format!("The mail server refused it: {}", plain(&e))),
                None if e.is_client() => Outcome::Refused(format!("The mail server cannot take it: {}", plain(&e))),
                None => Outcome::unreachable(format!("The connection to the mail server broke: {}", plain(&e))),
            },
        }
    }
}

/// What a server or the system says, as one short line.
fn plain(e: &Error) -> String {
    let cause = e.source().map_or_else(|| e.to_string(), ToString::to_string);
    let text = match e.status() {
        Some(code) => format!("{code} {cause}"),
        None => cause,
    };
    one_line(&text).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventId, NotificationId, NotificationKind, NotificationStatus};
    use kernel::UserId;

    fn row(subject: &str) -> Row {
        let at = crate::store::now();
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
        }
    }

    fn mailer(config: &Config) -> Mailer {
        Mailer::new(config, Ring::default()).expect("good settings").expect("mail is on")
    }

    #[test]
    fn no_name_or_subject_adds_a_header() {
        let mailer = mailer(&Config { reply_to: "help@souk.test".into(), ..Config::default() });
        let to = "leyla@example.com".parse().expect("an address");
        let evil = contact("leyla@example.com", "Leyla\r\nBcc: eve@example.com\r\n\r\n<b>");
        let row = row("Order\r\nBcc: eve@example.com\n\nX");
        let letter = String::from_utf8(mailer.letter(&row, &evil, to).expect("a letter").formatted()).expect("text");
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
    async fn an_address_that_is_none_is_hopeless() {
        let mailer = mailer(&Config::default());
        for bad in ["", "leyla", "a@b@c", "leyla@example.com\r\nRCPT TO:<eve@example.com>", "<leyla@example.com>"] {
            let outcome = mailer.send(&row("Order"), &contact(bad, "Leyla")).await;
            assert!(matches!(outcome, Outcome::Hopeless(_)), "{bad:?}: {outcome:?}");
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        let wrong = |config: Config| Mailer::new(&config, Ring::default()).err().expect("wrong").to_string();
        assert!(wrong(Config { from: "nobody".into(), ..Config::default() }).contains("notification.from"));
        assert!(wrong(Config { from: "A\r\nB <a@b.test>".into(), ..Config::default() }).contains("notification.from"));
        assert!(wrong(Config { reply_to: "@".into(), ..Config::default() }).contains("notification.reply_to"));
        let smtp = Smtp { host: String::new(), ..Smtp::default() };
        assert!(wrong(Config { mail: MailWay::Smtp, smtp, ..Config::default() }).contains("notification.smtp.host"));
    }
}
