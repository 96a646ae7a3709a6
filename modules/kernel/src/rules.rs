//! Rules for fields of requests, for `#[garde(custom(..))]`; their messages say what is allowed. An optional field is checked
//! when it is there. Text has types of its own, in [`crate::text`].

use garde::Error;
use std::fmt::Display;

/// A field of type `T`, or an optional one.
pub trait Field<T> {
    /// The value, if there is one.
    fn given(&self) -> Option<&T>;
}

impl<T> Field<T> for T {
    fn given(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> Field<T> for Option<T> {
    fn given(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// A whole number from `min` to `max`. The message names the end that was passed.
pub fn between<T, F, C>(min: T, max: T) -> impl FnOnce(&F, &C) -> garde::Result
where
    T: PartialOrd + Display,
    F: Field<T>,
{
    move |field, cx| match field.given() {
        Some(value) if *value > max => Err(Error::new(format!("must be at most {max}"))),
        _ => at_least(min)(field, cx),
    }
}

/// A whole number of at least `min`.
pub fn at_least<T, F, C>(min: T) -> impl FnOnce(&F, &C) -> garde::Result
where
    T: PartialOrd + Display,
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
        #[garde(custom(between(1, 3)))]
        count: i64,
        #[garde(custom(between(1, 3)))]
        page: Option<i64>,
        #[garde(custom(at_least(1)))]
        floor: Option<i64>,
    }

    #[test]
    fn a_field_is_checked_when_it_is_there_and_the_end_that_was_passed_is_named() {
        let report_of = |count, page, floor| {
            let report = Fields { count, page, floor }.validate().err();
            let errors = report.iter().flat_map(|report| report.iter()).map(|(path, e)| format!("{path} {e}"));
            let mut errors: Vec<_> = errors.collect();
            errors.sort();
            errors.join(", ")
        };
        assert_eq!(report_of(1, None, None), "");
        assert_eq!(report_of(3, Some(1), Some(1)), "");
        assert_eq!(report_of(4, Some(0), Some(0)), "count must be at most 3, floor must be at least 1, page must be at least 1");
    }
}
