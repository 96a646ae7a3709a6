//! Validation of fields that only this module has. Details that are sentences are shown to clients unchanged.

use email_address::{EmailAddress, Options};
use garde::{Error, Result, Validate};
use idna::AsciiDenyList;
use kernel::text::Line;
use std::net::IpAddr;
use unicode_normalization::UnicodeNormalization;

/// The longest e-mail address that mail servers take, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const LONGEST_EMAIL: usize = 254;
/// The longest spelling of a phone number, in characters; the number itself has at most 15 digits.
const LONGEST_PHONE: usize = 40;

/// The longest text that is compared with a stored address or password, in characters.
const LONGEST_CREDENTIAL: usize = 320;

/// An e-mail address; surrounding spaces are ignored.
pub(crate) fn email<C>(text: &str, _: &C) -> Result {
    normal_email(text).map(drop)
}

/// The normal form of an e-mail address, in which it is stored and compared: lower case, NFC, and the domain in ASCII (IDNA).
/// Accepts the addresses that the mail library accepts, except quoted names and IP addresses, which no customer needs.
pub(crate) fn normal_email(text: &str) -> std::result::Result<String, Error> {
    let invalid = || Error::new("Invalid email format");
    let text: String = text.trim().to_lowercase().nfc().collect();
    if text.is_empty() {
        return Err(missing("email"));
    }
    kernel::text::one_line(&text).map_err(|_| invalid())?;
    let too_long = || Error::new(format!("Email must be at most {LONGEST_EMAIL} characters long"));
    if text.chars().count() > LONGEST_EMAIL {
        return Err(too_long());
    }
    let (name, domain) = text.rsplit_once('@').ok_or_else(invalid)?;
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(Error::new("Invalid email format: a dot must stand between two other characters"));
    }
    let not_a_name = || Error::new("Invalid email format: the domain must be a name");
    if domain.starts_with('[') {
        return Err(not_a_name());
    }
    let domain = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).map_err(|_| invalid())?;
    // an IP address in any spelling (WHATWG URL, "ends in a number"): no top-level domain is a number
    let last = domain.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if is_number || domain.parse::<IpAddr>().is_ok() {
        return Err(not_a_name());
    }
    let address = format!("{name}@{domain}");
    if address.len() > LONGEST_EMAIL {
        return Err(too_long());
    }
    let options = Options::default().without_domain_literal().without_display_text();
    match EmailAddress::parse_with_options(&address, options) {
        Ok(_) if !name.starts_with('"') => Ok(address),
        _ => Err(invalid()),
    }
}

/// A phone number with the code of its country.
pub(crate) fn phone<C>(text: &str, _: &C) -> Result {
    e164(text).map(drop)
}

/// A phone number as E.164: `+` and at most 15 digits.
pub(crate) fn e164(text: &str) -> std::result::Result<String, Error> {
    if text.trim().is_empty() {
        return Err(Error::new(format!("must have 1 to {LONGEST_PHONE} characters")));
    }
    if text.chars().count() > LONGEST_PHONE {
        return Err(Error::new(format!("must have at most {LONGEST_PHONE} characters")));
    }
    let mut number = String::new();
    for c in text.nfkc() {
        match (kernel::text::digit(c), c) {
            (Some(digit), _) => number.push(digit),
            (None, '+') => number.push('+'),
            (None, c) if is_separator(c) => {}
            (None, _) => return Err(Error::new("must be a phone number: digits, and + before the code of the country")),
        }
    }
    // the international prefix of most countries
    if let Some(rest) = number.strip_prefix("00") {
        number = format!("+{rest}");
    }
    if !number.starts_with('+') {
        return Err(Error::new("must begin with + and the code of the country, such as +49 30 901820"));
    }
    let known = phonenumber::parse(None, &number).ok().filter(phonenumber::is_valid);
    let known = known.ok_or_else(|| Error::new("is not a phone number of any country; +49 30 901820 is one"))?;
    Ok(known.format().mode(phonenumber::Mode::E164).to_string())
}

/// Characters that people write between digits, and invisible ones that are copied along.
fn is_separator(c: char) -> bool {
    let is_dash = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    // direction marks and joiners
    let is_mark = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    is_dash || is_mark || matches!(c, ' ' | '(' | ')' | '.' | '/')
}

/// A new password.
pub(crate) fn password<C>(text: &str, _: &C) -> Result {
    if text.is_empty() {
        return Err(missing("password"));
    }
    let length = text.chars().count();
    let has = |kind: fn(char) -> bool| text.chars().any(kind);
    let rules = [
        (length >= 8, "be at least 8 characters long"),
        (length <= 128, "be at most 128 characters long"),
        (!has(char::is_control), "not contain control characters"),
        (has(char::is_uppercase), "contain at least one uppercase letter"),
        (has(char::is_lowercase), "contain at least one lowercase letter"),
        (has(|c| c.is_ascii_digit()), "contain at least one digit"),
    ];
    match rules.into_iter().find(|(kept, _)| !kept) {
        None => Ok(()),
        Some((_, rule)) => Err(Error::new(format!("Password must {rule}"))),
    }
}

/// A name of a person, whose message for a missing value names the field.
pub(crate) fn name<const MAX: usize>(field: &'static str) -> impl FnOnce(&Line<MAX>, &()) -> Result {
    move |name, cx| {
        if name.is_empty() {
            return Err(missing(field));
        }
        match name.validate_with(cx) {
            Ok(()) => Ok(()),
            Err(report) => report.iter().next().map_or(Ok(()), |(_, error)| Err(error.clone())),
        }
    }
}

/// The current password in a change of password. Its form is not checked.
pub(crate) fn current_password<C>(text: &str, _: &C) -> Result {
    if text.is_empty() { Err(missing("current_password")) } else { at_most(LONGEST_CREDENTIAL, text) }
}

/// The e-mail address or password of a login. Its form is not checked.
pub(crate) fn credential<C>(text: &str, _: &C) -> Result {
    if text.trim().is_empty() {
        return Err(Error::new("Email and password required"));
    }
    at_most(LONGEST_CREDENTIAL, text)
}

fn at_most(max: usize, text: &str) -> Result {
    if text.chars().count() > max { Err(Error::new(format!("must have at most {max} characters"))) } else { Ok(()) }
}

fn missing(field: &str) -> Error {
    Error::new(format!("Missing or empty field: {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(result: Result) -> String {
        result.map_or_else(|e| e.to_string(), |()| "fine".into())
    }

    #[test]
    fn each_password_rule_has_its_own_message() {
        for (text, message) in [
            ("", "Missing or empty field: password"),
            ("Sh0rt", "Password must be at least 8 characters long"),
            ("saffron-7-road", "Password must contain at least one uppercase letter"),
            ("SAFFRON-7-ROAD", "Password must contain at least one lowercase letter"),
            ("Saffron-Road", "Password must contain at least one digit"),
            ("Saffron-7\nRoad", "Password must not contain control characters"),
            ("Saffron 7 Rōad 🛒", "fine"),
        ] {
            assert_eq!(why(password(text, &())), message, "{text}");
        }
        assert_eq!(why(password(&"Aa1".repeat(42), &())), "fine");
        assert_eq!(why(password(&"Aa1".repeat(43), &())), "Password must be at most 128 characters long");
    }

    #[test]
    fn accepted_email_addresses_can_be_mailed_to() {
        for (given, kept) in [
            ("leyla@example.com", "leyla@example.com"),
            ("  Leyla.Aziz+shop@Example.CO.uk ", "leyla.aziz+shop@example.co.uk"),
            ("a@müller.de", "a@xn--mller-kva.de"),
            ("a@mu\u{308}ller.de", "a@xn--mller-kva.de"),
            ("A@XN--MLLER-KVA.DE", "a@xn--mller-kva.de"),
            ("a@例え。jp", "a@xn--r8jz45g.jp"),
            ("JOSE\u{301}@example.com", "josé@example.com"),
        ] {
            assert_eq!(normal_email(given).unwrap_or_else(|e| panic!("{given}: {e}")), kept);
            let sent: lettre::Address = kept.parse().unwrap_or_else(|e| panic!("{kept}: {e}"));
            assert_eq!(sent.to_string(), kept);
        }
        for bad in [
            "leyla",
            "@example.com",
            "leyla@",
            "ley la@example.com",
            "a@b@c",
            "leyla@-x.com",
            "a\n@example.com",
            "a@exa mple.com",
            "a@example..com",
            "a@example.com.",
            "\"a b\"@example.com",
            "Leyla <leyla@example.com>",
            "a@xn--a",
            "a@x_y.com/",
            "a,b@example.com",
        ] {
            assert_eq!(why(email(bad, &())), "Invalid email format", "{bad}");
        }
        for bad in [".a@x", "a.@x", "a..b@x"] {
            assert_eq!(why(email(bad, &())), "Invalid email format: a dot must stand between two other characters", "{bad}");
        }
        for bad in [
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
            "a@127.0.0.1",
            "a@１２７.0.0.1",
            "a@127。0。0。1",
            "a@127.1",
            "a@0x7f000001",
            "a@2130706433",
            "a@example.123",
        ] {
            assert_eq!(why(email(bad, &())), "Invalid email format: the domain must be a name", "{bad}");
        }
        assert_eq!(why(email(" ", &())), "Missing or empty field: email");
    }

    #[test]
    fn an_email_address_has_at_most_254_characters() {
        let long = format!("{}@{}.{}.{}", "a".repeat(64), "b".repeat(63), "c".repeat(63), "d".repeat(61));
        assert_eq!((long.len(), why(email(&long, &()))), (254, "fine".into()));
        let too_long = format!("{long}d");
        assert_eq!(why(email(&too_long, &())), "Email must be at most 254 characters long");
        // the ASCII form is longer
        let unicode = format!("a@{}.{}.{}.com", "ü".repeat(30), "ü".repeat(30), "日".repeat(60));
        assert!(email(&unicode, &()).is_err() && unicode.chars().count() < 200);
    }

    #[test]
    fn phone_numbers_are_normalized_to_e164() {
        for (given, kept) in [
            ("+96170123456", "+96170123456"),
            ("+961 70 12 34 56", "+96170123456"),
            ("00961 70 123456", "+96170123456"),
            ("+961\u{a0}70\u{a0}123456", "+96170123456"),
            ("+961\u{202f}70\u{2011}123\u{2011}456", "+96170123456"),
            ("\u{202a}+961 70 123456\u{202c}", "+96170123456"),
            ("+٩٦١٧٠١٢٣٤٥٦", "+96170123456"),
            ("۰۰۹۶۱ ۷۰ ۱۲۳۴۵۶", "+96170123456"),
            ("＋９６１７０１２３４５６", "+96170123456"),
            ("+49 (0)30 901820", "+4930901820"),
            ("+49-30/901.820", "+4930901820"),
            ("+44 (0)20 7946 0018", "+442079460018"),
            // in Italy the zero is part of the number
            ("+39 06 698 82333", "+390669882333"),
            (" +1 (650) 253-0000 ", "+16502530000"),
        ] {
            assert_eq!(e164(given).unwrap_or_else(|e| panic!("{given}: {e}")), kept, "{given}");
        }
        let no_number = "must be a phone number: digits, and + before the code of the country";
        let no_country = "must begin with + and the code of the country, such as +49 30 901820";
        let unknown = "is not a phone number of any country; +49 30 901820 is one";
        for (given, message) in [
            ("call me", no_number),
            ("+1 800 FLOWERS", no_number),
            ("+49 30 901820 ext. 5", no_number),
            ("+49 30\n901820", no_number),
            ("½", no_number),
            ("0301234567", no_country),
            ("1", no_country),
            ("()", no_country),
            ("+", unknown),
            ("00", unknown),
            ("+1", unknown),
            ("+0 30 901820", unknown),
            ("+999 30 901820", unknown),
            ("+49 1", unknown),
            ("+961701234567890123", unknown),
            ("49+30901820", no_country),
            ("", "must have 1 to 40 characters"),
            (" ", "must have 1 to 40 characters"),
            (&"1".repeat(41), "must have at most 40 characters"),
        ] {
            assert_eq!(why(phone(given, &())), message, "{given}");
        }
    }
}
