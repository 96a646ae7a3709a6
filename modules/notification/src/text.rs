//! Text in messages and errors: lines, amounts of money, and personal data.

use kernel::Money;
use regex::Regex;
use std::sync::LazyLock;

/// Removes the recipient's address or number from a text, and everything that looks like an address or number.
pub(crate) fn redact(text: &str, recipient: &str) -> String {
    static PERSONAL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"[^\s<>()\[\]"',;:]+@[^\s<>()"',;:]+|\+?\d(?:[ ()/-]{0,2}\d){6,}"#).ok());
    const HIDDEN: &str = "***";
    let text = text.replace(recipient, HIDDEN);
    let text = match &*PERSONAL {
        Some(personal) => personal.replace_all(&text, HIDDEN).into_owned(),
        None => HIDDEN.into(),
    };
    // some servers quote the mailbox without its domain
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

/// The text as one line: spaces replace line breaks and control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// An amount in the notation of a language: all decimals of the currency, and groups of three digits.
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
    fn errors_of_servers_do_not_reveal_the_recipient() {
        let redacted = |text| redact(text, "leyla.aziz@example.com");
        assert_eq!(redacted("5.1.1 <leyla.aziz@example.com>: no such mailbox"), "5.1.1 <***>: no such mailbox");
        assert_eq!(redacted("5.1.1 Leyla.Aziz@EXAMPLE.com... User unknown"), "5.1.1 *** User unknown");
        assert_eq!(redacted("mailbox LEYLA.AZIZ is full, see omar@example.org"), "mailbox *** is full, see ***");
        assert_eq!(redacted("call +49 (30) 123-4567 or 0049301234567"), "call *** or ***");
        assert_eq!(redacted("4.7.1 try again in 300 s"), "4.7.1 try again in 300 s");
        assert_eq!(redacted("no such mailbox"), "no such mailbox");
    }

    #[test]
    fn one_line_has_no_breaks() {
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
