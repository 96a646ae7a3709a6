//! Entity tags (RFC 9110 §8.8.3).
//!
//! A tag is made of a version, of what the thing is, and of what is shown: `"3-product7-9f86d081884c7d65"`. The version counts the changes of a thing's content, in the statement that makes
//! them: writes are compared by it, in the database, if the tag is of the same thing. The rest of the tag makes it another one whenever anything that is shown
//! changes, so that a copy of an answer can be compared with the answer.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The most tags of one header.
pub(crate) const MOST: usize = 100;

/// A strong entity tag as it is written in a header, with its quotation marks: `"3-product7-9f86d081884c7d65"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(String);

impl ETag {
    /// The tag of what has this stem, and is shown as this JSON.
    pub(crate) fn of(stem: &str, json: &[u8]) -> Self {
        let hash = format!("{:x}", Sha256::digest(json));
        Self(format!("\"{stem}-{}\"", &hash[..16]))
    }

    /// The tag with this text inside its quotation marks. Characters that no tag has become `_`.
    pub(crate) fn strong(text: impl fmt::Display) -> Self {
        let plain = |c: char| if c.is_ascii_graphic() && c != '"' { c } else { '_' };
        Self(format!("\"{}\"", text.to_string().chars().map(plain).collect::<String>()))
    }

    /// As it is written in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version in it; none in the tag of another thing, or of none of ours.
    pub(crate) fn version_of(&self, thing: &str) -> Option<i64> {
        let (version, rest) = self.0.trim_matches('"').split_once('-')?;
        // `+3` and `03` are other tags than `3`
        let version = version.parse::<i64>().ok().filter(|number| number.to_string() == version)?;
        let hash = rest.strip_prefix(thing)?.strip_prefix('-')?;
        (!hash.is_empty()).then_some(version)
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
pub trait Tagged: Serialize + Sized {
    /// What it is, in letters `a` to `z`: things of two kinds may have the same id.
    const KIND: &'static str;

    /// Its id, without quotation marks and hyphens.
    fn id(&self) -> impl fmt::Display;

    /// Counts the changes of its content, at least 0; the tag begins with it.
    fn version(&self) -> i64;

    /// Its tag: another one whenever anything that is shown changes.
    fn etag(&self) -> ETag {
        ETag::of(&stem(self), &serde_json::to_vec(self).unwrap_or_default())
    }
}

/// What tags of a thing have in common whatever is shown, as long as its content does not change.
pub(crate) fn stem<T: Tagged>(thing: &T) -> String {
    format!("{}-{}", thing.version(), name::<T>(thing.id()))
}

/// What tags of a thing always have in common.
pub(crate) fn name<T: Tagged>(id: impl fmt::Display) -> String {
    format!("{}{id}", T::KIND)
}

/// The tags of what a caller has, from the header `If-None-Match`; none for `*`.
#[cfg(feature = "server")]
pub(crate) struct Had(Option<Vec<ETag>>);

#[cfg(feature = "server")]
impl Had {
    /// Reads the header.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn of(header: &str) -> Result<Self, &'static str> {
        Ok(Self(list(header)?.map(|tags| tags.into_iter().map(|(tag, _)| tag).collect())))
    }

    /// Whether the caller has what has this tag. The comparison is weak.
    pub(crate) fn has(&self, current: &ETag) -> bool {
        self.0.as_ref().is_none_or(|tags| tags.contains(current))
    }
}

/// The tags of a header, each with whether it is weak; none for `*`.
pub(crate) fn list(header: &str) -> Result<Option<Vec<(ETag, bool)>>, &'static str> {
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
        let tag = ETag::of("7-lamp3", b"lamp");
        assert!(tag.as_str().starts_with("\"7-lamp3-") && tag.as_str().len() == 26 && tag == ETag::of("7-lamp3", b"lamp"));
        assert!(tag != ETag::of("7-lamp3", b"rug") && tag != ETag::of("8-lamp3", b"lamp"));
        assert_eq!(tag.version_of("lamp3"), Some(7));
        for other in ["lamp", "lamp33", "lamp4", "rug3", ""] {
            assert_eq!(tag.version_of(other), None, "{other}");
        }
        assert_eq!(ETag::of(&format!("{}-lamp3", i64::MAX), b"lamp").version_of("lamp3"), Some(i64::MAX));
    }

    #[cfg(feature = "server")]
    #[test]
    fn what_a_caller_has_is_compared_weakly() {
        let tag = ETag::of("3-lamp3", b"lamp");
        for (header, expected) in [
            ("*".to_owned(), Ok(true)),
            (tag.to_string(), Ok(true)),
            (format!("\"x\", W/{tag}"), Ok(true)),
            (ETag::of("3-lamp3", b"rug").to_string(), Ok(false)),
        ] {
            assert_eq!(Had::of(&header).map(|had| had.has(&tag)), expected, "{header}");
        }
        assert!(Had::of("3").is_err());
    }
}
