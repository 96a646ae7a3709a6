//! Entity tags, and the conditions that callers make of them (RFC 9110 §8.8.3 and §13.1).
//!
//! A tag is made of a version and of what is shown. The version counts the changes of a thing's content, in the statement that makes
//! them: writes are compared by it alone, in the database. The rest of the tag makes it another one whenever anything that is shown
//! changes, so that a copy of an answer can be compared with the answer.

use crate::{Code, Fault};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The most tags of one header.
const MOST: usize = 100;

/// A strong entity tag as it is written in a header, with its quotation marks: `"3-9f86d081884c7d65"`. At most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(String);

impl ETag {
    /// The tag of something that has this version, at least 0, and is shown like this.
    pub fn new(version: i64, shown: &impl Serialize) -> Self {
        let json = serde_json::to_vec(shown).unwrap_or_default();
        let hash = format!("{:x}", Sha256::digest(&json));
        Self(format!("\"{version}-{}\"", &hash[..16]))
    }

    /// As it is written in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version in it; none in a tag that is none of ours.
    fn version(&self) -> Option<i64> {
        let (version, rest) = self.0.trim_matches('"').split_once('-')?;
        // `+3` and `03` are other tags than `3`
        let version = version.parse::<i64>().ok().filter(|number| number.to_string() == version)?;
        (!rest.is_empty()).then_some(version)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer of an operation with `etag`: it has an entity tag.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no entity tag",
    label = "implement `kernel::Tagged` for it, or remove `etag` from the operation"
)]
pub trait Tagged {
    /// Its tag: another one whenever anything that is shown changes.
    fn etag(&self) -> ETag;
}

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

    /// The versions with which the write may be made, for its `WHERE`; none when any will do. Of the tag only the version is
    /// compared: what is shown besides, such as a stock, may have changed.
    pub fn versions(&self) -> Option<Vec<i64>> {
        match self {
            Self::Absent | Self::Any => None,
            Self::Tags(tags) => {
                let mut versions: Vec<_> = tags.iter().filter_map(ETag::version).collect();
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

/// Whether a caller with this header `If-None-Match` has what has this tag. The comparison is weak.
///
/// # Errors
/// The rule that the header breaks.
#[cfg(feature = "server")]
pub(crate) fn is_had(header: &str, current: &ETag) -> Result<bool, &'static str> {
    Ok(list(header)?.is_none_or(|tags| tags.iter().any(|(tag, _)| tag == current)))
}

/// The tags of a header, each with whether it is weak; none for `*`.
fn list(header: &str) -> Result<Option<Vec<(ETag, bool)>>, &'static str> {
    const RULE: &str = "must be * or ETags separated by commas, each in quotation marks, and at most 100";
    let header = header.trim_matches([' ', '\t']);
    if header == "*" {
        return Ok(None);
    }
    let mut tags = Vec::new();
    let mut rest = header;
    loop {
        // a list may have empty elements (RFC 9110 §5.6.1)
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return if tags.is_empty() { Err(RULE) } else { Ok(Some(tags)) };
        }
        let (opened, is_weak) = rest.strip_prefix("W/").map_or((rest, false), |rest| (rest, true));
        let inside = opened.strip_prefix('"').ok_or(RULE)?;
        let end = inside.find('"').ok_or(RULE)?;
        let (opaque, after) = (&inside[..end], inside[end + 1..].trim_start_matches([' ', '\t']));
        if opaque.chars().any(|c| c <= ' ' || c == '\u{7f}')
            || !(after.is_empty() || after.starts_with(','))
            || tags.len() == MOST
        {
            return Err(RULE);
        }
        tags.push((ETag(format!("\"{opaque}\"")), is_weak));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_short_and_another_one_for_anything_else() {
        let tag = ETag::new(7, &"lamp");
        assert!(tag.as_str().starts_with("\"7-") && tag.as_str().len() <= 64 && tag == ETag::new(7, &"lamp"));
        assert!(tag != ETag::new(7, &"rug") && tag != ETag::new(8, &"lamp"));
        assert_eq!(ETag::new(i64::MAX, &"lamp").version(), Some(i64::MAX));
    }

    #[test]
    fn a_header_is_read_as_the_standard_has_it() {
        let tags = |header: &str| header.parse::<IfMatch>().map(|read| read.versions());
        for (header, versions) in [
            ("*", None),
            (" * ", None),
            ("\"3-a\"", Some(vec![3])),
            ("\"3-a\",\"4-b\"", Some(vec![3, 4])),
            (", \"4-b\" ,,\t\"3-a\" , \"3-x\",", Some(vec![3, 4])),
            // weak, of others, or nearly ours
            ("W/\"3-a\"", Some(vec![])),
            ("\"\", \"abc\", \"3\", \"3-\", \"+3-a\", \"03-a\", \"x-a\", \"\u{e9},!\"", Some(vec![])),
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
        for condition in [IfMatch::Any, IfMatch::Tags(vec![]), IfMatch::Tags(vec![ETag::new(1, &"a"), ETag::new(2, &"b")])] {
            assert_eq!(condition.header().expect("a header").parse(), Ok(condition));
        }
        assert_eq!(IfMatch::Absent.header(), None);
    }

    #[cfg(feature = "server")]
    #[test]
    fn what_a_caller_has_is_compared_weakly() {
        let tag = ETag::new(3, &"lamp");
        for (header, expected) in [
            ("*".to_owned(), Ok(true)),
            (tag.to_string(), Ok(true)),
            (format!("\"x\", W/{tag}"), Ok(true)),
            (ETag::new(3, &"rug").to_string(), Ok(false)),
        ] {
            assert_eq!(is_had(&header, &tag), expected, "{header}");
        }
        assert!(is_had("3", &tag).is_err());
    }
}
