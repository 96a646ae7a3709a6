//! Decisions without a store.

use crate::{ChannelChoice, NotificationChannel, NotificationKind, NotificationPreferences};
use kernel::Money;

/// How a kind is told to users who did not choose.
pub(crate) fn usual(kind: NotificationKind) -> ChannelChoice {
    let sms = matches!(kind, NotificationKind::OrderShipped | NotificationKind::OrderDelivered);
    ChannelChoice { email: true, sms }
}

/// Whether this user wants to be told of this kind on this channel.
pub(crate) fn wants(preferences: &NotificationPreferences, kind: NotificationKind, channel: NotificationChannel) -> bool {
    let choice = preferences.kinds.get(&kind).copied().unwrap_or_else(|| usual(kind));
    match channel {
        NotificationChannel::Email => choice.email,
        NotificationChannel::Sms => choice.sms,
    }
}

/// The same choices with every kind named.
pub(crate) fn complete(mut preferences: NotificationPreferences) -> NotificationPreferences {
    for kind in NotificationKind::ALL {
        preferences.kinds.entry(*kind).or_insert_with(|| usual(*kind));
    }
    preferences
}

/// A phone number as providers want it (E.164): `+` and 7 to 15 digits.
pub(crate) fn phone(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '/' | '(' | ')' | '.')).collect();
    let digits = number.strip_prefix('+')?;
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    is_number.then_some(number)
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
    fn phone_numbers_are_international() {
        assert_eq!(phone("+961 70 12 34 56").as_deref(), Some("+96170123456"));
        assert_eq!(phone("+1 (555) 010-9999").as_deref(), Some("+15550109999"));
        for bad in ["", "+", "030 1234567", "+123", "+1234567890123456", "+49abc1234567", "+0301234567", "+4930\n1234567"] {
            assert_eq!(phone(bad), None, "{bad}");
        }
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
