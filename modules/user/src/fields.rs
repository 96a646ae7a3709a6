//! Rules of fields that only this module has. Details that are sentences are shown to clients as they are.

use garde::{Error, Result, rules::email::parse_email};

/// An e-mail address of at most 120 characters; spaces around it do not count.
pub(crate) fn email<C>(text: &str, _: &C) -> Result {
    let text = text.trim();
    if text.is_empty() {
        return Err(missing("email"));
    }
    if text.chars().count() > 120 {
        return Err(Error::new("Email must be at most 120 characters long"));
    }
    parse_email(text).map_err(|_| Error::new("Invalid email format"))
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

/// A name of a person: one line of 1 to 50 characters.
pub(crate) fn name<C>(field: &'static str) -> impl FnOnce(&str, &C) -> Result {
    move |text, cx| if text.trim().is_empty() { Err(missing(field)) } else { kernel::rules::line(50)(text, cx) }
}

/// E-mail address or password of someone who logs in. Whether it has the right form is nobody's business.
pub(crate) fn credential<C>(text: &str, _: &C) -> Result {
    if text.trim().is_empty() {
        return Err(Error::new("Email and password required"));
    }
    if text.chars().count() > 320 {
        return Err(Error::new("must have at most 320 characters"));
    }
    Ok(())
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
    fn each_rule_of_a_password_has_its_own_text() {
        for (text, told) in [
            ("", "Missing or empty field: password"),
            ("Sh0rt", "Password must be at least 8 characters long"),
            ("saffron-7-road", "Password must contain at least one uppercase letter"),
            ("SAFFRON-7-ROAD", "Password must contain at least one lowercase letter"),
            ("Saffron-Road", "Password must contain at least one digit"),
            ("Saffron-7\nRoad", "Password must not contain control characters"),
            ("Saffron 7 Rōad 🛒", "fine"),
        ] {
            assert_eq!(why(password(text, &())), told, "{text}");
        }
        assert_eq!(why(password(&"Aa1".repeat(42), &())), "fine");
        assert_eq!(why(password(&"Aa1".repeat(43), &())), "Password must be at most 128 characters long");
    }

    #[test]
    fn an_email_address_has_a_user_and_a_domain() {
        for good in ["leyla@example.com", "  Leyla.Aziz+shop@Example.CO.uk "] {
            assert_eq!(why(email(good, &())), "fine", "{good}");
        }
        for bad in ["leyla", "@example.com", "leyla@", "ley la@example.com", "a@b@c", "leyla@-x.com", "a\n@example.com"] {
            assert_eq!(why(email(bad, &())), "Invalid email format", "{bad}");
        }
        assert_eq!(why(email(" ", &())), "Missing or empty field: email");
        assert_eq!(why(email(&format!("a@{}.com", "b".repeat(115)), &())), "Email must be at most 120 characters long");
    }
}
