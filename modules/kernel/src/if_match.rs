//! The conditions that callers make of entity tags (RFC 9110 §13.1.1).

use crate::{
    Code, ETag, Fault, Tagged,
    etag::{list, name},
};
use std::{fmt::Display, str::FromStr};

/// What a write demands of the thing as it is now, from the header `If-Match`: an argument of an operation.
///
/// The comparison belongs into the statement that writes: see [`IfMatch::versions`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing: there was no header.
    #[default]
    Absent,
    /// `*`: that it exists.
    Any,
    /// That its tag is one of these. A weak tag matches nothing and is left out.
    Tags(Vec<ETag>),
}

impl IfMatch {
    /// The condition of a caller who saw this.
    pub fn seen(thing: &impl Tagged) -> Self {
        Self::Tags(vec![thing.etag()])
    }

    /// The versions with which the write may be made to the `T` with this id, for its `WHERE`; none when any will do. Tags of other things
    /// have none. Of its own only the version is compared: what is shown besides, such as a stock, may have changed.
    pub fn versions<T: Tagged>(&self, id: impl Display) -> Option<Vec<i64>> {
        match self {
            Self::Absent | Self::Any => None,
            Self::Tags(tags) => {
                let thing = name::<T>(id);
                let mut versions: Vec<_> = tags.iter().filter_map(|tag| tag.version_of(&thing)).collect();
                versions.sort_unstable();
                versions.dedup();
                Some(versions)
            }
        }
    }

    /// Whether the write may be made to a thing that has one of these tags, all of which are compared to the end. The row must be
    /// locked: most writes compare [`IfMatch::versions`] instead.
    pub fn allows(&self, current: &[ETag]) -> bool {
        match self {
            Self::Absent | Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| current.contains(tag)),
        }
    }

    /// Why a write was not made to a thing that exists and now has this tag.
    pub fn failed(current: ETag) -> Fault {
        let rule = "must be the current ETag";
        let text = "It was changed since you got it: get it again, and repeat the call with its current ETag in If-Match";
        Fault::new(Code::PreconditionFailed, text).at("/If-Match", rule).tagged(current)
    }

    /// Checks that there is a condition, where an operation demands one. `instead` is the operation that does without.
    ///
    /// # Errors
    /// `precondition_required`.
    pub fn demanded(&self, instead: &str) -> Result<(), Fault> {
        if *self != Self::Absent {
            return Ok(());
        }
        let rule = format!("must be the ETag of what you saw, or *; {instead} does without");
        Err(Fault::new(Code::PreconditionRequired, format!("If-Match {rule}")).at("/If-Match", rule))
    }

    /// As it is written in the header; none without one.
    pub(crate) fn header(&self) -> Option<String> {
        match self {
            Self::Absent => None,
            Self::Any => Some("*".into()),
            // a list without an element is none in a header; nothing has a weak tag
            Self::Tags(tags) if tags.is_empty() => Some("W/\"\"".into()),
            Self::Tags(tags) => Some(tags.iter().map(ETag::as_str).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The value of the header.
impl FromStr for IfMatch {
    type Err = &'static str;

    fn from_str(header: &str) -> Result<Self, Self::Err> {
        Ok(match list(header)? {
            None => Self::Any,
            Some(tags) => Self::Tags(tags.into_iter().filter(|(_, is_weak)| !is_weak).map(|(tag, _)| tag).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etag::MOST;

    #[derive(serde::Serialize)]
    struct Lamp;

    impl Tagged for Lamp {
        const KIND: &'static str = "lamp";
        fn id(&self) -> impl Display {
            7
        }
        fn version(&self) -> i64 {
            3
        }
    }

    #[test]
    fn a_header_is_read_as_the_standard_has_it() {
        let tags = |header: &str| header.parse::<IfMatch>().map(|read| read.versions::<Lamp>(7));
        for (header, versions) in [
            ("*", None),
            (" * ", None),
            ("\"3-lamp7-a\"", Some(vec![3])),
            ("\"3-lamp7-a\",\"4-lamp7-b\"", Some(vec![3, 4])),
            (", \"4-lamp7-b\" ,,\t\"3-lamp7-a\" , \"3-lamp7-x\",", Some(vec![3, 4])),
            // weak, of others, of a release before, or nearly ours
            ("W/\"3-lamp7-a\"", Some(vec![])),
            ("\"3-lamp8-a\", \"3-lamp77-a\", \"3-rug7-a\", \"3-a\", \"3-9f86d081884c7d65\"", Some(vec![])),
            ("\"\", \"abc\", \"3\", \"3-\", \"3-lamp7\", \"3-lamp7-\", \"\u{e9},!\"", Some(vec![])),
            ("\"+3-lamp7-a\", \"03-lamp7-a\", \"x-lamp7-a\"", Some(vec![])),
        ] {
            assert_eq!(tags(header), Ok(versions), "{header}");
        }
        for bad in
            ["", ",", "3-a", "\"3-a", "3-a\"", "\"3-a\" \"4-b\"", "w/\"3-a\"", "*, \"3-a\"", "\"3-a\", *", "\"3 a\"", "\"\t\""]
        {
            assert!(tags(bad).is_err(), "{bad}");
        }
        assert!(tags(&["\"1-a\""; MOST].join(",")).is_ok() && tags(&["\"1-a\""; MOST + 1].join(",")).is_err());
    }

    #[test]
    fn a_condition_survives_the_wire() {
        assert_eq!(IfMatch::seen(&Lamp).versions::<Lamp>(7), Some(vec![3]));
        for condition in
            [IfMatch::Any, IfMatch::Tags(vec![]), IfMatch::Tags(vec![ETag::of("1-lamp7", b"a"), ETag::of("2-lamp7", b"b")])]
        {
            assert_eq!(condition.header().expect("a header").parse(), Ok(condition));
        }
        assert_eq!(IfMatch::Absent.header(), None);
    }
}
