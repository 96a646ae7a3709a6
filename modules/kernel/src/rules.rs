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

/// A list of `min` to `max` items.
pub fn items<T, F, C>(min: usize, max: usize) -> impl FnOnce(&F, &C) -> garde::Result
where
    F: Field<Vec<T>>,
{
    move |field, _| match field.given() {
        Some(items) if !(min..=max).contains(&items.len()) => Err(Error::new(match min {
            0 => format!("must have at most {max} items"),
            _ => format!("must have {min} to {max} items"),
        })),
        _ => Ok(()),
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
        #[garde(custom(items(1, 2)))]
        some: Vec<i64>,
        #[garde(custom(items(0, 2)))]
        few: Option<Vec<i64>>,
    }

    #[test]
    fn a_field_is_checked_when_it_is_there_and_the_end_that_was_passed_is_named() {
        let report_of = |count, page, floor| {
            let report = Fields { count, page, floor, some: vec![1], few: None }.validate().err();
            let errors = report.iter().flat_map(|report| report.iter()).map(|(path, e)| format!("{path} {e}"));
            let mut errors: Vec<_> = errors.collect();
            errors.sort();
            errors.join(", ")
        };
        assert_eq!(report_of(1, None, None), "");
        assert_eq!(report_of(3, Some(1), Some(1)), "");
        assert_eq!(report_of(4, Some(0), Some(0)), "count must be at most 3, floor must be at least 1, page must be at least 1");
        for (some, few, rule) in [
            (vec![], vec![], "must have 1 to 2 items"),
            (vec![1, 2, 3], vec![], "must have 1 to 2 items"),
            (vec![1, 2], vec![1, 2, 3], "must have at most 2 items"),
        ] {
            let report = Fields { count: 1, page: None, floor: None, some, few: Some(few) }.validate().expect_err(rule);
            assert_eq!(report.iter().map(|(_, e)| e.message()).collect::<Vec<_>>(), [rule]);
        }
    }
}
