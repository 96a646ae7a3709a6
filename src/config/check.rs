//! Checks of the settings: refusals and warnings, most of them for production.

use super::{
    origin::Origins,
    settings::{Environment, Place, Settings},
};
use crate::modules::Module;
use std::{fmt, net::IpAddr, os::unix::fs::PermissionsExt, path::Path};
use url::{Host, Url};

/// What is wrong with a setting. The text contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) is_refused: bool,
    key: String,
    text: String,
    /// The file or variable that sets the value; none for a default.
    origin: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)?;
        self.origin.iter().try_for_each(|origin| write!(f, " (from {origin})"))
    }
}

/// Everything that is wrong with the settings, the refusals first.
pub(super) fn check(settings: &Settings, origins: &Origins) -> Vec<Finding> {
    let mut checks = Checks { settings, origins, found: Vec::new() };
    checks.everywhere();
    match settings.environment {
        Environment::Development => checks.development(),
        Environment::Production => {
            checks.production();
            checks.keys();
            checks.files();
            checks.connections();
            #[cfg(feature = "gateway")]
            checks.gateway();
            #[cfg(feature = "user")]
            checks.user();
            #[cfg(feature = "payment")]
            checks.payment();
            #[cfg(feature = "notification")]
            checks.notification();
        }
    }
    checks.found.sort_by_key(|finding| !finding.is_refused);
    checks.found
}

struct Checks<'a> {
    settings: &'a Settings,
    origins: &'a Origins,
    found: Vec<Finding>,
}

impl Checks<'_> {
    fn refuse(&mut self, key: &str, text: impl Into<String>) {
        self.add(true, key, text.into());
    }

    fn warn(&mut self, key: &str, text: impl Into<String>) {
        self.add(false, key, text.into());
    }

    fn add(&mut self, is_refused: bool, key: &str, text: String) {
        self.found.push(Finding { is_refused, key: key.into(), text, origin: self.origins.of(key) });
    }

    /// Checks for every environment.
    fn everywhere(&mut self) {
        let Settings { internal_key, internal_key_file, timeouts, .. } = self.settings;
        let least = kernel::InternalKey::MIN_LENGTH;
        if internal_key.as_ref().is_some_and(|key| key.reveal().len() < least) {
            self.refuse("internal_key", format!("must have at least {least} bytes"));
        }
        if internal_key.is_some() && internal_key_file.is_some() {
            self.refuse("internal_key_file", "must not be set together with internal_key");
        }
        let kernel::server::Timeouts { head_ms, body_ms, write_ms, idle_ms } = *timeouts;
        // the clock of the parser, which measures `head` and `idle`, is up to half a second slow
        for (name, value, least) in
            [("head", head_ms, 1000), ("idle", idle_ms, 1000), ("body", body_ms, 1), ("write", write_ms, 1)]
        {
            const LONG: u64 = 600_000;
            let key = format!("timeouts.{name}_ms");
            if value < least {
                self.refuse(&key, format!("must be at least {least}"));
            } else if value > LONG {
                self.warn(&key, "is longer than ten minutes: slow clients can use up all connections");
            }
        }
        let kernel::telemetry::Traces { endpoint, ratio } = &self.settings.traces;
        let is_address = Url::parse(endpoint)
            .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host() && url.query().is_none());
        if !endpoint.is_empty() && !is_address {
            self.refuse("traces.endpoint", "must be an address such as http://127.0.0.1:4318");
        }
        if !(0.0..=1.0).contains(ratio) {
            self.refuse("traces.ratio", "must be from 0 to 1");
        }
        #[cfg(feature = "gateway")]
        {
            // the modules behind the gateway must accept every request that it accepts, in every placement
            let gateway::Config { request_timeout_ms, max_body_bytes, .. } = self.settings.gateway;
            let longest = kernel::MAX_DEADLINE.as_millis();
            if !(1..=longest).contains(&u128::from(request_timeout_ms)) {
                self.refuse("gateway.request_timeout_ms", format!("must be from 1 to {longest}"));
            }
            let largest = kernel::server::MAX_BODY;
            if max_body_bytes > largest {
                self.refuse("gateway.max_body_bytes", format!("must be at most {largest}"));
            }
        }
    }

    fn development(&mut self) {
        if self.settings.bind.to_canonical().is_loopback() {
            return;
        }
        if self.settings.demo {
            let text = "can be reached from other machines, in development: the password of the admin admin@souk.test is published, and \
                        everybody who reaches this address can log in with it. Set demo = false, or environment = \"production\"";
            self.warn("bind", text);
        } else {
            self.warn("bind", "can be reached from other machines, in development: set environment = \"production\"");
        }
    }

    fn production(&mut self) {
        if self.settings.demo {
            self.refuse("demo", "must be false in production: the demo accounts have published passwords");
        }
        if !self.settings.data.is_absolute() {
            self.refuse("data", "must be an absolute path in production");
        }
        let level = self.settings.log.filter.split(',').map(str::trim).rfind(|part| !part.contains('='));
        if level.is_some_and(|level| ["debug", "trace"].contains(&level.to_lowercase().as_str())) {
            self.warn("log.filter", "writes too many lines, and answers of other servers word for word");
        }
    }

    fn keys(&mut self) {
        match (&self.settings.internal_key, &self.settings.internal_key_file) {
            (None, None) => self.refuse("internal_key", "must be set in production (SOUK_INTERNAL_KEY), or internal_key_file"),
            (Some(key), _) => {
                if let Some(why) = weakness(key.reveal().as_bytes()) {
                    self.refuse("internal_key", why);
                }
            }
            (None, Some(path)) => {
                // a file that cannot be read is reported when the process starts
                let keys = std::fs::read_to_string(path).unwrap_or_default();
                if let Some((line, why)) =
                    kernel::InternalKey::lines(&keys).find_map(|(line, key)| Some((line, weakness(key.as_bytes())?)))
                {
                    self.refuse("internal_key_file", format!("the key in line {line} {why}"));
                }
            }
        }
    }

    fn files(&mut self) {
        let settings = self.settings;
        self.file("data", &settings.data, true);
        if let Some(path) = &settings.internal_key_file {
            self.file("internal_key_file", path, true);
        }
        if let Some(path) = &settings.peers_ca_file {
            self.file("peers_ca_file", path, false);
        }
        #[cfg(feature = "user")]
        if settings.user.signing_key.reveal().is_empty() {
            self.file("user.signing_key_file", &settings.user.signing_key_file, true);
        }
        #[cfg(feature = "notification")]
        if !settings.notification.templates_folder.as_os_str().is_empty() {
            for path in within(&settings.notification.templates_folder) {
                self.file("notification.templates_folder", &path, false);
            }
        }
        for (path, secret) in self.origins.files() {
            let Some(mode) = mode(&path) else { continue };
            let shown = path.display();
            if mode & 0o002 != 0 {
                self.refuse("settings", format!("{shown} can be written by everybody on this machine"));
            }
            if let (Some(key), true) = (secret, mode & 0o004 != 0) {
                self.warn(&key, format!("is a secret, and {shown} can be read by everybody on this machine"));
            }
        }
    }

    /// Others must not be able to write an existing file or folder, nor to read a secret one.
    fn file(&mut self, key: &str, path: &Path, is_secret: bool) {
        let Some(mode) = mode(path) else { return };
        let shown = path.display();
        if mode & 0o002 != 0 {
            self.refuse(key, format!("{shown} can be written by everybody on this machine"));
        } else if mode & 0o020 != 0 {
            self.warn(key, format!("{shown} can be written by its group"));
        }
        if is_secret && mode & 0o004 != 0 {
            // only a warning: the files in it have modes of their own
            match path.is_dir() {
                true => self.warn(key, format!("{shown} can be read by everybody on this machine: chmod 700")),
                false => self.refuse(key, format!("{shown} can be read by everybody on this machine: chmod 600")),
            }
        } else if is_secret && mode & 0o040 != 0 {
            self.warn(key, format!("{shown} can be read by its group"));
        }
    }

    /// Connections to other machines.
    fn connections(&mut self) {
        for module in Module::without_gateway() {
            if let Place::At(peers) = self.settings.place(module, None)
                && let Some(peer) = peers.iter().find(|peer| peer.starts_with("http://") && is_elsewhere(peer))
            {
                self.warn(
                    &format!("modules.{}", module.name()),
                    format!("{peer} is not encrypted, and not on this machine: use https"),
                );
            }
        }
        for (module, url) in self.settings.database_urls() {
            self.store(&format!("{module}.database_url"), &url);
        }
        #[cfg(feature = "store")]
        {
            let key = "events.broker_url";
            let broker = &self.settings.events.broker_url;
            if broker.starts_with("amqp://") && is_elsewhere(broker) {
                self.warn(key, "is not encrypted, and not on this machine: use amqps");
            }
            let user = Url::parse(broker).map(|url| url.username().to_owned());
            if user.is_ok_and(|user| user.is_empty() || user == "guest") {
                self.warn(key, "logs in as guest, whose password is published");
            }
        }
    }

    fn store(&mut self, key: &str, url: &str) {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let query = rest.split_once('?').map_or("", |(_, query)| query).to_lowercase();
        let (server, is_encrypted, wants_password) = match scheme {
            "postgres" | "postgresql" => {
                let modes = ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"];
                ("sslmode=verify-full", modes.iter().any(|mode| query.contains(mode)), false)
            }
            "redis" => ("rediss://", false, true),
            "rediss" => ("rediss://", true, true),
            "mongodb" => ("tls=true", ["tls=true", "ssl=true"].iter().any(|word| query.contains(word)), true),
            "mongodb+srv" => ("tls=true", !query.contains("tls=false"), true),
            _ => return,
        };
        if !is_encrypted && is_elsewhere(url) {
            self.warn(key, format!("is not encrypted, and not on this machine: use {server}"));
        }
        let authority = rest.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
        if wants_password && !authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            self.warn(key, "has no password: everybody who reaches the server can read everything");
        }
    }

    #[cfg(feature = "gateway")]
    fn gateway(&mut self) {
        use gateway::Limiting;
        let gateway = &self.settings.gateway;
        if gateway.mailbox {
            self.refuse("gateway.mailbox", "must be false in production");
        }
        if gateway.cors_origins.iter().any(|origin| origin == "*") {
            self.refuse("gateway.cors_origins", "must list origins in production, not \"*\"");
        }
        if let Some(origin) = gateway.cors_origins.iter().find(|origin| origin.starts_with("http://")) {
            self.warn("gateway.cors_origins", format!("{origin} is not encrypted: its pages can be changed on their way"));
        }
        match gateway.limits {
            Limiting::Off => {
                self.refuse("gateway.limits", "must not be \"off\" in production: passwords could be tried without end")
            }
            Limiting::Factor(factor) if factor > 100.0 => {
                self.refuse("gateway.limits", format!("must be at most 100 in production: {factor} limits nothing"));
            }
            Limiting::Factor(factor) if factor > 10.0 => {
                self.warn("gateway.limits", format!("{factor} is a factor for load tests"))
            }
            _ => {}
        }
        for (op, rate) in &gateway.rates {
            let kernel::Rate { count, window } = match rate.parse() {
                Ok(rate) => rate,
                // the gateway would not start with it
                Err(expected) => {
                    self.refuse("gateway.rates", format!("{op} = {rate:?}: {expected}"));
                    continue;
                }
            };
            let per_second = f64::from(count) / window.as_secs_f64();
            if per_second > 1000.0 {
                self.refuse("gateway.rates", format!("{op} = {rate:?} limits nothing"));
            } else if per_second > 50.0 || (op.starts_with("user.log") && per_second > 5.0) {
                self.warn("gateway.rates", format!("{op} = {rate:?} is more than a person needs"));
            }
        }
        for network in &gateway.trusted_proxies {
            if network.prefix() < if network.is_ipv4() { 8 } else { 16 } {
                self.refuse("gateway.trusted_proxies", format!("{network} is too large: clients could forge addresses"));
            }
        }
        if gateway.hsts_seconds == 0 {
            self.warn("gateway.hsts_seconds", "is 0: browsers are not told to keep to https");
        }
        if gateway.swagger {
            self.warn("gateway.swagger", "shows the documents of the API to everybody");
        }
    }

    #[cfg(feature = "user")]
    fn user(&mut self) {
        let user = &self.settings.user;
        if user.generate_signing_key {
            let text = "must be false in production: make a key and name it in user.signing_key_file, or set user.signing_key";
            self.refuse("user.generate_signing_key", text);
        }
        if user.access_token_seconds > 3600 {
            self.warn("user.access_token_seconds", "is longer than an hour: a stolen token is valid for as long");
        }
    }

    #[cfg(feature = "payment")]
    fn payment(&mut self) {
        let payment = &self.settings.payment;
        if payment.provider == payment::ProviderName::Sandbox && !payment.accept_sandbox_in_production {
            let text = "must not be \"sandbox\" in production: it takes no money for orders; a test installation sets \
                        payment.accept_sandbox_in_production = true";
            self.refuse("payment.provider", text);
        }
    }

    #[cfg(feature = "notification")]
    fn notification(&mut self) {
        use notification::{MailTransport, SmsTransport, Tls};
        let notification = &self.settings.notification;
        match notification.mail {
            MailTransport::Mailbox => {
                self.refuse("notification.mail", "must be \"smtp\" or \"off\" in production: everybody can read the mailbox");
            }
            MailTransport::Smtp if notification.smtp.tls == Tls::None && !is_this_machine(&notification.smtp.host) => {
                let text =
                    "must be \"starttls\" or \"implicit\" in production: mails and the password would be readable on their way";
                self.refuse("notification.smtp.tls", text);
            }
            _ => {}
        }
        match notification.sms {
            SmsTransport::Log => {
                self.refuse("notification.sms", "must be \"http\" or \"off\" in production: \"log\" sends nothing")
            }
            SmsTransport::Http
                if !notification.sms_http.url.starts_with("https://") && is_elsewhere(&notification.sms_http.url) =>
            {
                let text =
                    "must begin with https:// in production: texts and the key of the provider would be readable on their way";
                self.refuse("notification.sms_http.url", text);
            }
            _ => {}
        }
        if !notification.shop_url.is_empty() && !notification.shop_url.starts_with("https://") {
            let text = "must begin with https:// in production: links in mails would lead over unencrypted connections";
            self.refuse("notification.shop_url", text);
        }
    }
}

/// Why a key can be guessed; none if it shows no weakness. Random keys pass, in hex, base64 or bytes.
fn weakness(key: &[u8]) -> Option<&'static str> {
    let lower = String::from_utf8_lossy(key).to_lowercase();
    let words = ["change", "secret", "password", "example", "insecure", "changeme", "default", "your-", "souk", "development"];
    if words.iter().any(|word| lower.contains(word)) {
        return Some("is made of words: use what `openssl rand -hex 32` writes");
    }
    let mut seen = [false; 256];
    key.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    let repeats = (1..=key.len() / 2).any(|period| key.iter().zip(&key[period..]).all(|(a, b)| a == b));
    // six in a row: 0123456, abcdef, aaaaaa, fedcba
    let runs = [0_i16, 1, -1].iter().any(|step| {
        let is_next = |pair: &[u8]| i16::from(pair[1]) - i16::from(pair[0]) == *step;
        key.windows(6).any(|six| six.windows(2).all(is_next))
    });
    let is_plain = seen.iter().filter(|seen| **seen).count() < 10;
    (repeats || runs || is_plain).then_some("can be guessed: use what `openssl rand -hex 32` writes")
}

fn mode(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|data| data.permissions().mode())
}

/// A folder and its entries, two levels deep.
#[cfg(feature = "notification")]
fn within(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = |folder: &Path| -> Vec<_> {
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    let first = entries(folder);
    let second: Vec<_> = first.iter().flat_map(|path| entries(path)).collect();
    [vec![folder.to_owned()], first, second].concat()
}

/// Whether an address names a server that is not this machine. A socket in the file system is on this machine.
fn is_elsewhere(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    // MongoDB names several
    hosts.split(',').any(|host| !is_this_machine(host))
}

/// Of a name or an address, with a port or without.
fn is_this_machine(host: &str) -> bool {
    if host.is_empty() || host.starts_with("%2F") || host.starts_with("%2f") {
        return true;
    }
    match Url::parse(&format!("http://{host}")).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        None => host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_can_be_guessed_are_known() {
        for weak in [
            "a".repeat(32),
            "ab".repeat(20),
            "0123456789abcdef0123456789abcdef".into(),
            "abcdefghijklmnopqrstuvwxyz012345".into(),
            "your-secret-key-change-in-production".into(),
            "correct horse battery staple password".into(),
            "9f86d081884c7d659a2feaa0c55ad0159f86d081884c7d659a2feaa0c55ad015".into(),
            "00000000000000000000000000000001".into(),
            "11223311223311223311223311223312".into(),
        ] {
            assert!(weakness(weak.as_bytes()).is_some(), "{weak}");
        }
        for good in [
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "7nLhQ1cUQ0Wv0m2Zk3c0y2sXoJm8o5dYf4bq9KpTtXg=",
            "d2f1a9c07b3e48655c1f9be2740ad863",
        ] {
            assert_eq!(weakness(good.as_bytes()), None, "{good}");
        }
    }

    #[test]
    fn other_machines_are_told_from_this_one() {
        for here in [
            "http://127.0.0.1:5001",
            "http://localhost",
            "redis://[::1]:6379/1",
            "postgres://a:b@localhost/x",
            "postgres:///x?host=/run",
            "mongodb://a:b@127.0.0.1:1,localhost:2/x",
            "postgres://%2Frun%2Fpostgresql/x",
        ] {
            assert!(!is_elsewhere(here), "{here}");
        }
        for there in [
            "http://10.0.0.7:5001",
            "redis://cache",
            "mongodb://localhost:1,db:2/x",
            "http://localhost.example",
            "http://[2001:db8::1]",
        ] {
            assert!(is_elsewhere(there), "{there}");
        }
    }
}
