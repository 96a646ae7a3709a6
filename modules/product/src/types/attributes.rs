//! Attributes: what products are described by, such as their material.

use super::MAX_TRANSLATIONS;
use garde::Validate;
use kernel::{Language, Request, Tagged, text::Line};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};
use utoipa::ToSchema;

/// The most attributes of a shop.
pub const MAX_ATTRIBUTES: u64 = 500;
/// The most values that can be chosen for an attribute.
pub const MAX_CHOICES: usize = 500;
/// The most attributes of a product, and the most that a category demands.
pub const MAX_ATTRIBUTES_OF_PRODUCT: usize = 50;
/// The highest number, and with a minus the lowest.
pub const MAX_NUMBER: f64 = 1e12;

/// The name of an attribute.
pub type AttributeName = Line<100>;
/// The unit of an attribute.
pub type Unit = Line<20>;
/// A text as the value of an attribute.
pub type AttributeText = Line<255>;

/// The code of an attribute, or of a value that can be chosen: 1 to 40 letters `a` to `z`, digits, and single hyphens or underscores
/// between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z0-9]+([-_][a-z0-9]+)*$", min_length = 1, max_length = 40, example = "material")]
pub struct AttributeCode(String);

impl AttributeCode {
    /// The most characters.
    pub const MAX: usize = 40;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AttributeCode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= Self::MAX && text.split(['-', '_']).all(is_word) {
            Ok(Self(text.into()))
        } else {
            Err("must be 1 to 40 letters a to z, digits, and single hyphens or underscores between them")
        }
    }
}

impl fmt::Display for AttributeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AttributeCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// Text of one line, 1 to 255 characters. Lists cannot be restricted by it: the search finds words of names and descriptions.
    Text,
    /// A number from -10¹² to 10¹².
    Number,
    /// `true` or `false`.
    Boolean,
    /// The code of one of the choices.
    Choice,
    /// A list of codes of the choices, each once.
    Choices,
}

/// An attribute that products may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attribute {
    /// Its code, which never changes.
    pub code: AttributeCode,
    /// Its name.
    #[schema(example = "Material")]
    pub name: String,
    /// What its values are.
    pub kind: AttributeKind,
    /// The unit of its numbers; `null` if they have none, and for other kinds.
    #[schema(example = "cm")]
    pub unit: Option<String>,
    /// What can be chosen, in the order in which it is shown; none for other kinds.
    pub choices: Vec<Choice>,
    /// Its names in other languages. Admins get them; others get `name` and `choices` in their language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub translations: Vec<AttributeTranslation>,
    /// Counts the changes, from 1. The `ETag` begins with it.
    #[schema(example = 1)]
    pub version: i64,
}

impl Tagged for Attribute {
    const KIND: &'static str = "attribute";
    fn id(&self) -> impl fmt::Display {
        &self.code
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// All attributes of the shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attributes {
    /// The attributes, sorted by code; at most 500.
    pub attributes: Vec<Attribute>,
}

/// A value that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its code.
    #[garde(skip)]
    #[schema(example = "wool")]
    pub code: AttributeCode,
    /// Its name, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Wool")]
    pub name: AttributeName,
}

/// An attribute, as it shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetAttribute {
    /// Name, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Material")]
    pub name: AttributeName,
    /// What its values are. While products have the attribute, it must stay what it is.
    #[garde(skip)]
    pub kind: AttributeKind,
    /// The unit of its numbers, at most 20 characters; absent if they have none, and for other kinds.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 20, example = "cm")]
    pub unit: Option<Unit>,
    /// What can be chosen, in the order in which it is shown: 1 to 500, each with another code; absent for other kinds. What products
    /// have chosen must stay.
    #[garde(length(max = MAX_CHOICES), dive)]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<Choice>>, max_items = 500)]
    pub choices: Vec<Choice>,
    /// Its names in other languages, at most 50.
    #[garde(length(max = MAX_TRANSLATIONS), dive)]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<AttributeTranslation>>, max_items = 50)]
    pub translations: Vec<AttributeTranslation>,
}

/// The names of an attribute in another language. What is absent is shown in the next language that the caller wants, or in the shop's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct AttributeTranslation {
    /// The language: a BCP 47 tag, not the shop's own.
    #[garde(skip)]
    pub language: Language,
    /// Name, at most 100 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 100, example = "Material")]
    pub name: Option<AttributeName>,
    /// Names of choices.
    #[garde(length(max = MAX_CHOICES), dive)]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<Choice>>, max_items = 500, example = json!([{"code": "wool", "name": "Wolle"}]))]
    pub choices: Vec<Choice>,
}

/// The value of an attribute: of the type that the attribute's `kind` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be text, a number, true or false, or a list of codes")]
pub enum AttributeValue {
    /// Of kind `boolean`.
    Boolean(bool),
    /// Of kind `number`.
    Number(Number),
    /// Of kind `text` or `choice`.
    #[schema(value_type = String)]
    Text(AttributeText),
    /// Of kind `choices`.
    Choices(Vec<AttributeCode>),
}

/// A number, which is written without decimals if it has none.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Number(pub f64);

impl Serialize for Number {
    #[expect(clippy::cast_possible_truncation, reason = "numbers are at most 10^12")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() <= MAX_NUMBER {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// The attributes of a product: code and value of each, at most 50.
pub type AttributeValues = BTreeMap<AttributeCode, AttributeValue>;

/// Changes of the attributes of a product: those with a value are set, those with `null` are removed, and others stay as they are.
pub type AttributeChanges = BTreeMap<AttributeCode, Option<AttributeValue>>;

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::serde_json::{from_str, to_string};

    #[test]
    fn values_are_written_as_they_were_read() {
        for json in [
            r#"{"care":"Wash cold.","colours":["red","sea-blue"],"height_cm":70,"material":"wool","washable":true,"weight":-0.5}"#,
            r#"{"a":1000000000000,"b":-3,"c":[]}"#,
        ] {
            assert_eq!(to_string(&from_str::<AttributeValues>(json).expect(json)).expect(json), json);
        }
        for json in [r#"{"a":{}}"#, r#"{"a":[1]}"#, r#"{"a":["Red"]}"#, r#"{"A":1}"#, r#"{"a":null}"#, r#"{"":1}"#] {
            assert!(from_str::<AttributeValues>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn codes_are_plain() {
        for good in ["a", "7", "width_cm", "sea-blue", &"x".repeat(40)] {
            assert!(good.parse::<AttributeCode>().is_ok(), "{good}");
        }
        for bad in ["", "-", "_a", "a-", "a__b", "A", "ä", "a b", "a.b", "a:b", "a,b", &"x".repeat(41)] {
            assert!(bad.parse::<AttributeCode>().is_err(), "{bad}");
        }
    }
}
