//! Templates in several languages, and the messages that they give for a notice.
//!
//! For every language and kind there are `<kind>.subject.txt`, `<kind>.txt`, `<kind>.html` and `<kind>.sms.txt`, in
//! `templates/<locale>/`; a folder in the settings replaces any of them and adds languages. All are rendered once at start, so
//! that mistakes are found then.

use crate::{
    NotificationChannel, NotificationKind,
    config::Config,
    examples::examples,
    notice::{Facts, Notice},
    store::message::{MASK, Message},
    text::{money, one_line},
};
use kernel::{Amount, BoxError, Currency, Fault};
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// The built-in templates of these locales: those of each kind, and shared parts.
macro_rules! built_in {
    ($($locale:literal)*) => { &[$(
        (concat!($locale, "/lines.txt"), include_str!(concat!("../templates/", $locale, "/lines.txt"))),
        (concat!($locale, "/lines.html"), include_str!(concat!("../templates/", $locale, "/lines.html"))),
        (concat!($locale, "/layout.txt"), include_str!(concat!("../templates/", $locale, "/layout.txt"))),
        (concat!($locale, "/layout.html"), include_str!(concat!("../templates/", $locale, "/layout.html"))),
        (concat!($locale, "/confirm.txt"), include_str!(concat!("../templates/", $locale, "/confirm.txt"))),
        (concat!($locale, "/confirm.html"), include_str!(concat!("../templates/", $locale, "/confirm.html"))),
        (concat!($locale, "/cancelled.txt"), include_str!(concat!("../templates/", $locale, "/cancelled.txt"))),
        (concat!($locale, "/declined.txt"), include_str!(concat!("../templates/", $locale, "/declined.txt"))),
        built_in!(@kind $locale "user.registered" "subject.txt"), built_in!(@kind $locale "user.registered" "txt"),
        built_in!(@kind $locale "user.registered" "html"), built_in!(@kind $locale "user.registered" "sms.txt"),
        built_in!(@kind $locale "user.confirmation_requested" "subject.txt"),
        built_in!(@kind $locale "user.confirmation_requested" "txt"),
        built_in!(@kind $locale "user.confirmation_requested" "html"),
        built_in!(@kind $locale "user.confirmation_requested" "sms.txt"),
        built_in!(@kind $locale "order.placed" "subject.txt"), built_in!(@kind $locale "order.placed" "txt"),
        built_in!(@kind $locale "order.placed" "html"), built_in!(@kind $locale "order.placed" "sms.txt"),
        built_in!(@kind $locale "order.paid" "subject.txt"), built_in!(@kind $locale "order.paid" "txt"),
        built_in!(@kind $locale "order.paid" "html"), built_in!(@kind $locale "order.paid" "sms.txt"),
        built_in!(@kind $locale "order.shipped" "subject.txt"), built_in!(@kind $locale "order.shipped" "txt"),
        built_in!(@kind $locale "order.shipped" "html"), built_in!(@kind $locale "order.shipped" "sms.txt"),
        built_in!(@kind $locale "order.delivered" "subject.txt"), built_in!(@kind $locale "order.delivered" "txt"),
        built_in!(@kind $locale "order.delivered" "html"), built_in!(@kind $locale "order.delivered" "sms.txt"),
        built_in!(@kind $locale "order.cancelled" "subject.txt"), built_in!(@kind $locale "order.cancelled" "txt"),
        built_in!(@kind $locale "order.cancelled" "html"), built_in!(@kind $locale "order.cancelled" "sms.txt"),
        built_in!(@kind $locale "order.refunded" "subject.txt"), built_in!(@kind $locale "order.refunded" "txt"),
        built_in!(@kind $locale "order.refunded" "html"), built_in!(@kind $locale "order.refunded" "sms.txt"),
        built_in!(@kind $locale "payment.failed" "subject.txt"), built_in!(@kind $locale "payment.failed" "txt"),
        built_in!(@kind $locale "payment.failed" "html"), built_in!(@kind $locale "payment.failed" "sms.txt"),
        built_in!(@kind $locale "stock.low" "subject.txt"), built_in!(@kind $locale "stock.low" "txt"),
        built_in!(@kind $locale "stock.low" "html"), built_in!(@kind $locale "stock.low" "sms.txt"),
    )*] };
    (@kind $locale:literal $kind:literal $part:literal) => {
        (concat!($locale, "/", $kind, ".", $part), include_str!(concat!("../templates/", $locale, "/", $kind, ".", $part)))
    };
}

const BUILT_IN: &[(&str, &str)] = built_in! { "en" "de" };
/// The locale that has all templates.
const FALLBACK_LOCALE: &str = "en";

/// All templates, ready to be used. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Templates(Arc<Inner>);

struct Inner {
    environment: Environment<'static>,
    /// The locales, by their names in lower case.
    locales: BTreeMap<String, String>,
    shop: String,
    shop_url: String,
    shop_locale: String,
}

/// The variables of templates.
#[derive(Serialize)]
struct Data<'a> {
    shop: &'a str,
    lang: &'a str,
    subject: Option<&'a str>,
    /// First name of the user; `None` when it is not known or must not be used.
    name: Option<&'a str>,
    confirm: Option<ConfirmData>,
    order: Option<OrderData>,
    payment: Option<PaymentData>,
    stock: Option<StockData>,
}

/// The token and links that confirm an address.
#[derive(Serialize)]
struct ConfirmData {
    token: &'static str,
    /// Links of the shop to confirm and to disown the address; `None` without `shop_url`.
    url: Option<String>,
    disown_url: Option<String>,
}

#[derive(Serialize)]
struct OrderData {
    number: String,
    items: Vec<LineData>,
    total: String,
    /// Reason of a cancellation: `customer`, `shop`, `not_paid` or `stock_lost`.
    reason: Option<order::CancelReason>,
    note: Option<String>,
}

#[derive(Serialize)]
struct LineData {
    name: String,
    quantity: u32,
    subtotal: String,
}

#[derive(Serialize)]
struct StockData {
    name: String,
    sku: Option<String>,
    available: u32,
    /// The threshold.
    low_at: u32,
}

#[derive(Serialize)]
struct PaymentData {
    /// Number of the order.
    number: String,
    amount: String,
    /// Reason as a code, e.g. `card_declined`.
    reason: String,
}

impl Templates {
    /// Reads all templates and renders them with example data.
    ///
    /// # Errors
    /// When the folder of the settings cannot be read, or a template in it is broken or missing.
    pub(crate) fn open(config: &Config) -> Result<Self, BoxError> {
        let mut sources: BTreeMap<String, String> =
            BUILT_IN.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
        if !config.templates_folder.as_os_str().is_empty() {
            add_folder(&mut sources, &config.templates_folder)
                .map_err(|e| format!("notification.templates_folder: {}: {e}", config.templates_folder.display()))?;
        }
        let locales: BTreeSet<String> =
            sources.keys().filter_map(|name| name.split_once('/')).map(|(locale, _)| locale.to_owned()).collect();
        let mut environment = Environment::new();
        // an unknown name in a template is an error
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_path_join_callback(|name, parent| {
            let locale = parent.split('/').next().unwrap_or_default();
            format!("{locale}/{name}").into()
        });
        for (name, text) in sources {
            environment.add_template_owned(name, text).map_err(|e| broken(&e))?;
        }
        let locales = locales.into_iter().map(|locale| (locale.to_lowercase(), locale)).collect();
        let (shop, shop_locale) = (one_line(&config.shop), config.locale.clone());
        let shop_url = config.shop_url.trim_end_matches('/').to_owned();
        let templates = Self(Arc::new(Inner { environment, locales, shop, shop_url, shop_locale }));
        if !templates.has(&templates.0.shop_locale) {
            return Err(format!("notification.locale: there are no templates for {:?}", templates.0.shop_locale).into());
        }
        templates.render_all()?;
        Ok(templates)
    }

    fn render_all(&self) -> Result<(), BoxError> {
        for locale in self.0.locales.values() {
            for &kind in NotificationKind::ALL {
                for notice in examples(kind)? {
                    for (&channel, name) in NotificationChannel::ALL.iter().flat_map(|c| [(c, Some("Leyla")), (c, None)]) {
                        self.fill(locale, channel, name, &notice).map_err(|e| broken(&e))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The message of a notice, in the requested locale or the nearest available one.
    ///
    /// # Errors
    /// `internal` when a template fails with these facts.
    pub(crate) fn render(
        &self,
        locale: Option<&str>,
        channel: NotificationChannel,
        name: Option<&str>,
        notice: &Notice,
    ) -> Result<Message, Fault> {
        let locale = self.nearest(locale.unwrap_or(&self.0.shop_locale));
        self.fill(locale, channel, name, notice).map_err(|e| {
            let why = broken(&e);
            // the message is for the operator, who maintains the templates and sees the dead letter
            Fault::internal(&why).with_message(why)
        })
    }

    fn has(&self, locale: &str) -> bool {
        self.find(locale).is_some()
    }

    /// The locale itself, or its language without a region.
    fn find(&self, locale: &str) -> Option<&str> {
        let locale = locale.to_lowercase();
        let language = locale.split('-').next().unwrap_or_default();
        let found = self.0.locales.get(&locale).or_else(|| self.0.locales.get(language));
        found.map(String::as_str)
    }

    fn nearest(&self, locale: &str) -> &str {
        self.find(locale).or_else(|| self.find(&self.0.shop_locale)).unwrap_or(FALLBACK_LOCALE)
    }

    fn fill(
        &self,
        locale: &str,
        channel: NotificationChannel,
        name: Option<&str>,
        notice: &Notice,
    ) -> Result<Message, minijinja::Error> {
        // a folder with a further language need not have what only the shop gets
        let has_kind = || self.0.environment.get_template(&format!("{locale}/{}.txt", notice.kind)).is_ok();
        let locale = if notice.kind.is_for_users() || has_kind() { locale } else { FALLBACK_LOCALE };
        let lang = locale.split('-').next().unwrap_or(locale);
        let part = |part: &str, data: &Data<'_>| {
            let name = format!("{locale}/{}.{part}", notice.kind);
            self.0.environment.get_template(&name)?.render(Serde(data))
        };
        let name = name.map(one_line).filter(|name| !name.is_empty());
        let (order, payment, stock) = facts(&notice.facts, lang);
        let confirm = notice.confirmation().map(|_| self.confirm());
        let mut data =
            Data { shop: &self.0.shop, lang: locale, subject: None, name: name.as_deref(), confirm, order, payment, stock };
        let subject = one_line(&part("subject.txt", &data)?);
        data.subject = Some(&subject);
        let (text, html) = match channel {
            NotificationChannel::Email => (part("txt", &data)?, Some(part("html", &data)?)),
            NotificationChannel::Sms => (one_line(&part("sms.txt", &data)?), None),
        };
        Ok(Message { locale: locale.into(), subject, text, html })
    }

    fn confirm(&self) -> ConfirmData {
        let shop = self.0.shop_url.as_str();
        let link = |page: &str| (!shop.is_empty()).then(|| format!("{shop}/{page}?token={MASK}"));
        ConfirmData { token: MASK, url: link("confirm-email"), disown_url: link("disown-email") }
    }
}

/// The message of an error in a template, with file and line.
fn broken(e: &minijinja::Error) -> String {
    let location = match (e.name(), e.line()) {
        (Some(name), Some(line)) => format!("{name}, line {line}"),
        (Some(name), None) => name.into(),
        _ => "a template".into(),
    };
    let cause = std::error::Error::source(e).map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("notification templates: {location}: {e}{cause}")
}

/// The templates of `<folder>/<locale>/`.
fn add_folder(sources: &mut BTreeMap<String, String>, folder: &Path) -> Result<(), BoxError> {
    for locale in std::fs::read_dir(folder)? {
        let locale = locale?.path();
        let (Some(name), true) = (locale.file_name().and_then(|name| name.to_str()), locale.is_dir()) else { continue };
        for file in std::fs::read_dir(&locale)? {
            let path = file?.path();
            let Some(file) = path.file_name().and_then(|file| file.to_str()) else { continue };
            if file.ends_with(".txt") || file.ends_with(".html") {
                sources.insert(format!("{name}/{file}"), std::fs::read_to_string(&path)?);
            }
        }
    }
    Ok(())
}

fn facts(facts: &Facts, lang: &str) -> (Option<OrderData>, Option<PaymentData>, Option<StockData>) {
    let write = |amount: Amount, currency: Currency| match amount.in_currency(currency) {
        Some(exact) => money(exact, lang),
        None => format!("{amount}\u{a0}{currency}"),
    };
    match facts {
        Facts::Account(_) => (None, None, None),
        Facts::Order(order) => {
            let line = |item: &order::OrderItem| LineData {
                name: one_line(&item.name),
                quantity: item.quantity,
                subtotal: write(item.subtotal, order.currency),
            };
            let order = OrderData {
                number: order.number.clone(),
                items: order.items.iter().map(line).collect(),
                total: write(order.total, order.currency),
                reason: order.reason,
                note: order.note.as_deref().map(one_line).filter(|note| !note.is_empty()),
            };
            (Some(order), None, None)
        }
        Facts::Payment(payment) => {
            let amount = write(payment.amount, payment.currency);
            let number = order::order_number(payment.order_id);
            (None, Some(PaymentData { number, amount, reason: one_line(&payment.reason) }), None)
        }
        Facts::Stock(low) => {
            let (name, sku) = (one_line(&low.name), low.sku.as_deref().map(one_line));
            (None, None, Some(StockData { name, sku, available: low.available, low_at: low.low_at }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let config = Config { templates_folder: folder.path().into(), ..Config::default() };
        (folder, config)
    }

    fn placed(templates: &Templates, locale: &str) -> Message {
        mail(templates, locale, &examples(NotificationKind::OrderPlaced).expect("examples")[0])
    }

    fn mail(templates: &Templates, locale: &str, notice: &Notice) -> Message {
        templates.render(Some(locale), NotificationChannel::Email, Some("Leyla"), notice).expect("a message")
    }

    fn texts(locale: &str, kind: NotificationKind) -> Vec<String> {
        let templates = Templates::open(&Config::default()).expect("the built-in templates");
        let notices = examples(kind).expect("examples");
        notices.iter().map(|notice| mail(&templates, locale, notice).text).collect()
    }

    #[test]
    fn every_reason_is_in_the_language_of_the_reader() {
        for (locale, words) in [
            (
                "en",
                ["Reason: As you asked", "As you wished", "because it was not paid in time", "no longer there", "was cancelled"],
            ),
            (
                "de",
                ["Grund: As you asked", "auf Ihren Wunsch", "weil sie nicht rechtzeitig bezahlt", "nicht mehr da", "storniert"],
            ),
        ] {
            let texts = texts(locale, NotificationKind::OrderCancelled);
            for (text, words) in std::iter::zip(&texts, words) {
                assert!(text.contains(words), "{words}: {text}");
            }
            let code = |text: &String| ["shop", "customer", "not_paid", "stock_lost"].iter().any(|code| text.contains(code));
            assert!(!texts.iter().any(code), "{texts:?}");
            // an unpaid order is not refunded
            let money: Vec<bool> = texts.iter().map(|text| text.contains("money") || text.contains("Geld")).collect();
            assert_eq!(money, [true, true, false, true, true]);
        }
    }

    #[test]
    fn a_declined_payment_names_the_reason_and_the_order() {
        for (locale, words) in
            [("en", ["the card was declined", "was not accepted."]), ("de", ["die Karte wurde abgelehnt", "nicht angenommen."])]
        {
            for (text, words) in std::iter::zip(texts(locale, NotificationKind::PaymentFailed), words) {
                assert!(text.contains(words) && text.contains("S-00000042"), "{words}: {text}");
                assert!(!text.contains("card_declined") && !text.contains("another_reason"), "{text}");
            }
        }
    }

    #[test]
    fn an_address_is_confirmed_by_a_link_of_the_shop_or_by_the_token() {
        let welcome = &examples(NotificationKind::UserRegistered).expect("examples")[0];
        let config = Config { shop_url: "https://souk.example/".into(), ..Config::default() };
        let with_link = mail(&Templates::open(&config).expect("templates"), "en", welcome);
        assert!(with_link.text.contains(&format!("https://souk.example/confirm-email?token={MASK}\n")), "{}", with_link.text);
        assert!(with_link.text.contains(&format!("https://souk.example/disown-email?token={MASK}")));
        assert!(with_link.html.expect("html").contains(&format!("confirm-email?token={MASK}\"")));
        let without = mail(&Templates::open(&Config::default()).expect("templates"), "de", welcome);
        assert!(without.text.contains(MASK) && !without.text.contains("http"), "{}", without.text);
        // the text does not contain the token
        assert!(!without.text.contains("token"), "{}", without.text);
    }

    #[test]
    fn a_message_has_lines_money_and_escaped_html() {
        let templates = Templates::open(&Config::default()).expect("the built-in templates");
        let message = placed(&templates, "en-GB");
        assert_eq!((message.locale.as_str(), message.subject.as_str()), ("en", "We have received your order S-00000042"));
        assert!(message.text.starts_with("Hello Leyla,\n"), "{}", message.text);
        assert!(message.text.contains("2 × Copper coffee pot") && message.text.contains("1,073.50\u{a0}EUR"), "{}", message.text);
        assert!(message.text.contains("Kilim <red & blue>"));
        let html = message.html.expect("html");
        assert!(html.contains("Kilim &lt;red &amp; blue&gt;") && !html.contains("<red"), "{html}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("1,073.50\u{a0}EUR"));
    }

    #[test]
    fn the_nearest_language_is_used() {
        let mut config = Config { locale: "de".into(), ..Config::default() };
        let templates = Templates::open(&config).expect("the built-in templates");
        assert!(placed(&templates, "de-AT").text.starts_with("Hallo Leyla,"));
        assert_eq!(placed(&templates, "DE").locale, "de");
        assert!(placed(&templates, "de").text.contains("1.073,50\u{a0}EUR"));
        // a missing locale: the shop's
        assert_eq!(placed(&templates, "ja-JP").locale, "de");
        config.locale = "ja".into();
        assert!(Templates::open(&config).err().expect("none").to_string().contains("notification.locale"));
    }

    #[test]
    fn a_folder_replaces_templates_and_mistakes_in_it_are_found_at_start() {
        let (_folder, config) = folder_with(&[("en/order.placed.subject.txt", "Got {{ order.number }}\r\nBcc: eve@example.com")]);
        let message = placed(&Templates::open(&config).expect("good"), "en");
        assert_eq!(message.subject, "Got S-00000042 Bcc: eve@example.com");
        assert!(message.text.starts_with("Hello"));

        for (file, text) in [
            ("en/order.placed.txt", "{{ order.nummer }}"),
            ("de/order.placed.html", "{% if %}"),
            ("en/user.registered.txt", "{{ order.number }}"),
        ] {
            let (_folder, config) = folder_with(&[(file, text)]);
            let e = Templates::open(&config).err().expect(file).to_string();
            assert!(e.contains(file), "{e}");
        }
        // an additional language must be complete
        let (_folder, config) = folder_with(&[("fr/order.placed.txt", "Bonjour")]);
        let e = Templates::open(&config).err().expect("not complete").to_string();
        assert!(e.contains("fr/"), "{e}");
        let config = Config { templates_folder: "/nowhere/at/all".into(), ..Config::default() };
        let e = Templates::open(&config).err().expect("no folder").to_string();
        assert!(e.contains("notification.templates_folder"), "{e}");
    }
}
