//! Members of requests that may be left out, for `#[serde(default, deserialize_with = "..")]`.
//!
//! Everywhere in the API a member that is not sent, one that is `null`, and an optional text that is empty mean the same: it is
//! absent. What that does depends on the operation: one that replaces removes the value, or takes the usual one. An operation
//! that leaves absent members alone says so; there `null` and an empty text remove. Each PATCH does: its body is a merge patch
//! (RFC 7396) with the members `#[serde(default, deserialize_with = "..", skip_serializing_if = "Option::is_none")]`, of which [`if_sent`]
//! and [`text_if_sent`] read those that can be removed, and [`value_if_sent`] the others.

use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// An optional text.
///
/// # Errors
/// When it is neither text nor `null`.
pub fn text<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Option::<Cow<str>>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()).map(|text| T::from(&text)))
}

/// A value that has a usual one.
///
/// # Errors
/// When it is neither a `T` nor `null`.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// As [`text`], where an absent member is left alone: `None` when it was not sent, `Some(None)` when it is to be removed.
///
/// # Errors
/// When it is neither text nor `null`.
pub fn text_if_sent<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    text(deserializer).map(Some)
}

/// A value that can be changed and removed, where an absent member is left alone: `None` when it was not sent, `Some(None)` when it is
/// to be removed.
///
/// # Errors
/// When it is neither a `T` nor `null`.
pub fn if_sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A value that can be changed but not removed, where an absent member is left alone: `null` is refused.
///
/// # Errors
/// When it is not a `T`.
pub fn value_if_sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{option, prelude::*};
    use serde::Serialize;
    use serde_json::{Map, Value, json};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Patch {
        #[serde(default, deserialize_with = "value_if_sent", skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, deserialize_with = "text_if_sent", skip_serializing_if = "Option::is_none")]
        note: Option<Option<String>>,
        #[serde(default, deserialize_with = "if_sent", skip_serializing_if = "Option::is_none")]
        place: Option<Option<i64>>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    struct Thing {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<i64>,
    }

    /// As operations do it.
    fn patched(mut thing: Thing, patch: Patch) -> Thing {
        thing.name = patch.name.unwrap_or(thing.name);
        thing.note = patch.note.unwrap_or(thing.note);
        thing.place = patch.place.unwrap_or(thing.place);
        thing
    }

    /// As RFC 7396 §2 has it.
    fn merged(target: &Value, patch: &Value) -> Value {
        let Value::Object(changes) = patch else { return patch.clone() };
        let mut members: Map<String, Value> = target.as_object().cloned().unwrap_or_default();
        for (name, change) in changes {
            match change {
                Value::Null => members.remove(name),
                change => members.insert(name.clone(), merged(members.get(name).unwrap_or(&Value::Null), change)),
            };
        }
        Value::Object(members)
    }

    proptest! {
        #[test]
        fn a_patch_is_a_merge_patch(
            (name, note, place) in ("[a-z]+", option::of("[a-z]+"), option::of(any::<i64>())),
            name_sent in option::of("[a-z]+"),
            note_sent in option::of(option::of("[a-z]+")),
            place_sent in option::of(option::of(any::<i64>())),
        ) {
            let thing = Thing { name, note, place };
            let mut sent = Map::new();
            name_sent.map(|value| sent.insert("name".into(), json!(value)));
            note_sent.map(|value| sent.insert("note".into(), json!(value)));
            place_sent.map(|value| sent.insert("place".into(), json!(value)));
            let sent = Value::Object(sent);
            let patch: Patch = serde_json::from_value(sent.clone()).expect("a patch");
            // on the way to another process absent, null and a value stay what they are
            prop_assert_eq!(&serde_json::to_value(&patch).expect("JSON"), &sent);
            let expected = merged(&serde_json::to_value(&thing).expect("JSON"), &sent);
            prop_assert_eq!(serde_json::to_value(patched(thing, patch)).expect("JSON"), expected);
        }
    }

    #[test]
    fn what_cannot_be_removed_refuses_null_and_an_empty_text_removes() {
        assert!(serde_json::from_str::<Patch>(r#"{"name":null}"#).is_err());
        assert_eq!(serde_json::from_str::<Patch>(r#"{"note":" "}"#).expect("a patch").note, Some(None));
    }
}
