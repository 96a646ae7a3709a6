//! Rules that fields of requests state with `#[garde(custom(..))]`, in words that tell what is allowed. A field that may be left out
//! is checked when it is there.

use garde::Error;

/// A field of a `T`, or of one that may be left out.
pub trait Field<T: ?Sized> {
    /// What was given.
    fn given(&self) -> Option<&T>;
}

impl<T: ?Sized> Field<T> for T {
    fn given(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> Field<T> for Option<T> {
    fn given(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl Field<str> for String {
    fn given(&self) -> Option<&str> {
        Some(self)
    }
}

impl Field<str> for Option<String> {
    fn given(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// One line of text: 1 to `max` characters, not only spaces, no control characters.
pub fn line<F: Field<str> + ?Sized, C>(max: usize) -> impl FnOnce(&F, &C) -> garde::Result {
    move |field, _| {
        let Some(text) = field.given() else { return Ok(()) };
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
pub fn text<F: Field<str> + ?Sized, C>(max: usize) -> impl FnOnce(&F, &C) -> garde::Result {
    move |field, _| {
        let Some(text) = field.given() else { return Ok(()) };
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
pub fn between<T, F, C>(min: T, max: T) -> impl FnOnce(&F, &C) -> garde::Result
where
    T: PartialOrd + std::fmt::Display,
    F: Field<T>,
{
    move |field, _| {
        let allowed = field.given().is_none_or(|value| *value >= min && *value <= max);
        if allowed { Ok(()) } else { Err(Error::new(format!("must be {min} to {max}"))) }
    }
}

/// A whole number of at least `min`.
pub fn at_least<T, F, C>(min: T) -> impl FnOnce(&F, &C) -> garde::Result
where
    T: PartialOrd + std::fmt::Display,
    F: Field<T>,
{
    move |field, _| {
        let allowed = field.given().is_none_or(|value| *value >= min);
        if allowed { Ok(()) } else { Err(Error::new(format!("must be at least {min}"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use garde::Validate;

    #[derive(Validate)]
    struct Fields {
        #[garde(custom(line(3)))]
        name: String,
        #[garde(custom(line(3)))]
        nickname: Option<String>,
        #[garde(inner(custom(text(3))))]
        note: Option<String>,
        #[garde(custom(between(1, 3)))]
        count: u32,
        #[garde(custom(between(1, 3)))]
        page: Option<u32>,
        #[garde(custom(at_least(1)))]
        floor: Option<i64>,
    }

    #[test]
    fn a_field_is_checked_when_it_is_there() {
        let wrong = |name: &str, nickname: Option<&str>, note: Option<&str>, count, page, floor| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let fields = Fields { name: name.into(), nickname: own(nickname), note: own(note), count, page, floor };
            fields.validate().err().map_or(0, |report| report.iter().count())
        };
        assert_eq!(wrong("Ida", None, None, 1, None, None), 0);
        assert_eq!(wrong("Ida", Some("I"), Some("a\nb"), 3, Some(1), Some(1)), 0);
        assert_eq!(wrong(" ", Some(""), Some("a\u{7}"), 4, Some(0), Some(0)), 6);
    }
}
