//! Cursors: where the next page of a list begins.

use crate::Fault;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, fmt, str::FromStr};

/// The longest text of one, in characters.
const LONGEST: usize = 4096;

/// Where the next page of a list begins. To clients it is a text without a meaning, the `next_cursor` of the page before.
///
/// It is not signed: who makes one up gets another part of the same list, or a wrong total. The conditions of a list are never taken
/// from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// The list that it belongs to: see [`fingerprint`].
    pub(crate) list: String,
    /// The number of the next page, from 2.
    pub(crate) page: u32,
    /// The number of items, as the first page has counted them.
    pub(crate) total: u64,
    /// Where the page before ended.
    pub(crate) end: End,
}

/// Where a page ended, if more items follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// After as many items as the pages have, for an order that is worked out for the whole list each time. Items that come or go
    /// between two pages move the others.
    #[serde(rename = "o")]
    Offset,
    /// After the item with these values of the keys by which the list is sorted.
    #[serde(rename = "k")]
    After(Vec<Key>),
}

/// The value of a key by which a list is sorted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Key {
    /// There is none.
    #[serde(rename = "n")]
    Null,
    /// A whole number.
    #[serde(rename = "i")]
    Int(i64),
    /// Text.
    #[serde(rename = "s")]
    Text(String),
    /// A time in UTC.
    #[serde(rename = "t")]
    Time(DateTime<Utc>),
    /// Bytes.
    #[serde(rename = "b", with = "bytes")]
    Bytes(Vec<u8>),
}

mod bytes {
    use super::{BASE64_URL_SAFE_NO_PAD, Cow, Deserialize, Deserializer, Engine, Error, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        BASE64_URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

/// Tells a list from others: a hash of the operation with its filters and sort order. Equal lists of two releases may differ in it.
pub(crate) fn fingerprint(list: &impl Serialize) -> Result<String, Fault> {
    let json = serde_json::to_vec(list).map_err(Fault::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&json)[..8]))
}

impl Cursor {
    /// The fault of a cursor that is none, or not of this list.
    pub(crate) fn foreign() -> Fault {
        Fault::invalid(
            "/cursor",
            "must be the next_cursor of a page of the same list: with the same filters, sort order and per_page",
        )
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&(&self.list, self.page, self.total, &self.end)).map_err(|_| fmt::Error)?;
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be the next_cursor of an earlier answer";
        let json = Some(text).filter(|text| text.len() <= LONGEST).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let parts = json.and_then(|json| serde_json::from_slice::<(String, u32, u64, End)>(&json).ok());
        let (list, page, total, end) = parts.filter(|(_, page, ..)| *page >= 2).ok_or(RULE)?;
        Ok(Self { list, page, total, end })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_way_to_the_client_and_back() {
        let time = DateTime::from_timestamp(1_700_000_000, 123_456_000).expect("a time");
        let keys = vec![Key::Null, Key::Int(i64::MIN), Key::Text("é\"".into()), Key::Time(time), Key::Bytes(vec![0, 255])];
        for end in [End::Offset, End::After(keys)] {
            let cursor = Cursor { list: fingerprint(&("list", 1)).expect("a hash"), page: 2, total: 64, end };
            let text = cursor.to_string();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
            assert_eq!(text.parse(), Ok(cursor));
        }
        assert_ne!(fingerprint(&("list", 1)).ok(), fingerprint(&("list", 2)).ok());
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let of = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json);
        assert!(of(r#"["x",2,1,"o"]"#).parse::<Cursor>().is_ok());
        let bad =
            [r#"["x",1,1,"o"]"#, r#"["x",2,-1,"o"]"#, r#"["x",2,1,"z"]"#, r#"["x",2,1,{"k":[{"b":"!"}]}]"#, "{}", "", "null"];
        let long = format!(r#"["{}",2,1,"o"]"#, "x".repeat(LONGEST));
        for text in bad.map(of).into_iter().chain(["!".into(), "a".into(), of(&long)]) {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
