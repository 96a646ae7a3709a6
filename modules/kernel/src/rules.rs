//! Rules that fields of requests state with `#[garde(custom(..))]`, in words that tell what is allowed.

use garde::Error;

/// One line of text: 1 to `max` characters, not only spaces, no control characters.
pub fn line<C>(max: usize) -> impl FnOnce(&str, &C) -> garde::Result {
    move |text, _| {
        let allowed = (1..=max).contains(&text.chars().count()) && !text.trim().is_empty();
        if !allowed {
            return Err(Error::new(format!("must have 1 to {max} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::new("must not contain control characters"));
        }
        Ok(())
    }
}

/// Text of several lines: at most `max` characters, no control characters but line breaks and tabs.
pub fn text<C>(max: usize) -> impl FnOnce(&str, &C) -> garde::Result {
    move |text, _| {
        if text.chars().count() > max {
            return Err(Error::new(format!("must have at most {max} characters")));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(Error::new("must not contain control characters"));
        }
        Ok(())
    }
}

/// A whole number from `min` to `max`.
pub fn between<T: PartialOrd + std::fmt::Display, C>(min: T, max: T) -> impl FnOnce(&T, &C) -> garde::Result {
    move |value, _| {
        if *value >= min && *value <= max { Ok(()) } else { Err(Error::new(format!("must be {min} to {max}"))) }
    }
}

/// A whole number of at least `min`.
pub fn at_least<T: PartialOrd + std::fmt::Display, C>(min: T) -> impl FnOnce(&T, &C) -> garde::Result {
    move |value, _| if *value >= min { Ok(()) } else { Err(Error::new(format!("must be at least {min}"))) }
}
