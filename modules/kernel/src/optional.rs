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
