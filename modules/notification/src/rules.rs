//! Decisions without a store.

use crate::{ChannelChoice, NotificationChannel, NotificationKind, NotificationPreferences};
use kernel::Money;
use phonenumber::Mode;
use regex::Regex;
use std::sync::LazyLock;

/// How a kind is told to users who did not choose.
pub(crate) fn usual(kind: NotificationKind) -> ChannelChoice {
    let sms = matches!(kind, NotificationKind::OrderShipped | NotificationKind::OrderDelivered);
    ChannelChoice { email: true, sms }
}

/// Whether this user wants to be told of this kind on this channel.
pub(crate) fn wants(preferences: &NotificationPreferences, kind: NotificationKind, channel: NotificationChannel) -> bool {
    let choice = choice(preferences, kind);
    match channel {
        NotificationChannel::Email => choice.email,
        NotificationChannel::Sms => choice.sms,
    }
}

fn choice(preferences: &NotificationPreferences, kind: NotificationKind) -> ChannelChoice {
    match kind {
        // it proves the address that it goes to
        NotificationKind::ConfirmationRequested => usual(kind),
        _ => preferences.kinds.get(&kind).copied().unwrap_or_else(|| usual(kind)),
    }
}

/// The same choices with every kind named.
pub(crate) fn complete(mut preferences: NotificationPreferences) -> NotificationPreferences {
    for kind in NotificationKind::ALL {
        preferences.kinds.insert(*kind, choice(&preferences, *kind));
    }
    preferences
}

/// A phone number as providers want it (E.164); none when it is not a number in international form that there can be.
pub(crate) fn phone(text: &str) -> Option<String> {
    let number = phonenumber::parse(None, text).ok()?;
    number.is_valid().then(|| number.format().mode(Mode::E164).to_string())
}

/// The same text without addresses and numbers of people: those of the recipient, and all that look like one.
pub(crate) fn redact(text: &str, recipient: &str) -> String {
    static PERSONAL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"[^\s<>()\[\]"',;:]+@[^\s<>()"',;:]+|\+?\d(?:[ ()/-]{0,2}\d){6,}"#).ok());
    const HIDDEN: &str = "***";
    let text = text.replace(recipient, HIDDEN);
    let text = match &*PERSONAL {
        Some(personal) => personal.replace_all(&text, HIDDEN).into_owned(),
        None => HIDDEN.into(),
    };
    // some servers name the mailbox without its domain
    let mailbox = recipient.rsplit_once('@').map_or(recipient, |(mailbox, _)| mailbox);
    let is_part_of_a_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let mut words = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !is_part_of_a_word(c)) {
        let word = piece.trim_end_matches(|c| !is_part_of_a_word(c));
        let is_mailbox = word.eq_ignore_ascii_case(mailbox) && !word.is_empty();
        words.push_str(if is_mailbox { HIDDEN } else { word });
        words.push_str(&piece[word.len()..]);
    }
    words
}

/// One line: what breaks lines, or steers a terminal or a mail, becomes a space.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Money as people write it in this language: all decimals of the currency, groups of three digits.
pub(crate) fn money(money: Money, language: &str) -> String {
    let (group, point) = match language {
        "de" | "es" | "it" | "nl" | "pt" | "tr" | "da" | "id" => (".", ","),
        "fr" | "pl" | "cs" | "sv" | "nb" | "fi" | "ru" | "uk" => ("\u{a0}", ","),
        _ => (",", "."),
    };
    let decimals = money.currency.decimals();
    let unit = 10_u64.pow(decimals);
    let (whole, part) = (money.minor.unsigned_abs() / unit, money.minor.unsigned_abs() % unit);
    let digits = whole.to_string();
    let mut grouped = String::from(if money.minor < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push_str(group);
        }
        grouped.push(digit);
    }
    match decimals {
        0 => format!("{grouped}\u{a0}{}", money.currency),
        width => format!("{grouped}{point}{part:0width$}\u{a0}{}", money.currency, width = width as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;

    #[test]
    fn choices_replace_what_is_usual() {
        let mut chosen = NotificationPreferences::default();
        assert!(wants(&chosen, NotificationKind::OrderShipped, NotificationChannel::Sms));
        assert!(!wants(&chosen, NotificationKind::OrderPlaced, NotificationChannel::Sms));
        assert!(NotificationKind::ALL.iter().all(|kind| wants(&chosen, *kind, NotificationChannel::Email)));
        chosen.kinds.insert(NotificationKind::OrderShipped, ChannelChoice { email: false, sms: false });
        assert!(!wants(&chosen, NotificationKind::OrderShipped, NotificationChannel::Sms));
        assert!(!wants(&chosen, NotificationKind::OrderShipped, NotificationChannel::Email));
        let all = complete(chosen);
        assert_eq!(all.kinds.len(), NotificationKind::ALL.len());
        assert_eq!(all.kinds[&NotificationKind::OrderShipped], ChannelChoice { email: false, sms: false });
    }

    #[test]
    fn phone_numbers_are_international_and_real() {
        for (text, number) in [
            ("+961 70 12 34 56", "+96170123456"),
            ("+49 (0)30 1234567", "+49301234567"),
            ("+1 (212) 555-0123", "+12125550123"),
            ("+961\u{a0}70\u{a0}123456", "+96170123456"),
        ] {
            assert_eq!(phone(text).as_deref(), Some(number), "{text}");
        }
        for bad in ["", "+", "call me", "030 1234567", "+123", "+1234567890123456", "+49abc1234567", "+999 1234567"] {
            assert_eq!(phone(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_servers_say_does_not_tell_who_was_written_to() {
        let said = |text| redact(text, "leyla.aziz@example.com");
        assert_eq!(said("5.1.1 <leyla.aziz@example.com>: no such mailbox"), "5.1.1 <***>: no such mailbox");
        assert_eq!(said("5.1.1 Leyla.Aziz@EXAMPLE.com... User unknown"), "5.1.1 *** User unknown");
        assert_eq!(said("mailbox LEYLA.AZIZ is full, see omar@example.org"), "mailbox *** is full, see ***");
        assert_eq!(said("call +49 (30) 123-4567 or 0049301234567"), "call *** or ***");
        assert_eq!(said("4.7.1 try again in 300 s"), "4.7.1 try again in 300 s");
        assert_eq!(said("no such mailbox"), "no such mailbox");
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(one_line(" Hello\r\nBcc: eve@example.com\u{0}\u{2028}x\ty "), "Hello Bcc: eve@example.com x y");
    }

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        let write = |minor, currency, language| money(Money { minor, currency }, language);
        assert_eq!(write(123_456_789, Currency::Eur, "en"), "1,234,567.89\u{a0}EUR");
        assert_eq!(write(123_456_789, Currency::Eur, "de"), "1.234.567,89\u{a0}EUR");
        assert_eq!(write(5, Currency::Eur, "fr"), "0,05\u{a0}EUR");
        assert_eq!(write(100_000, Currency::Jpy, "en"), "100,000\u{a0}JPY");
        assert_eq!(write(-29_990, Currency::Kwd, "en"), "-29.990\u{a0}KWD");
    }
}
