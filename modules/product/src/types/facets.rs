//! Facets of a list, and the filters by attributes and options that go with them.

use super::attributes::{AttributeCode, MAX_NUMBER, Number};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, collections::BTreeMap};
use utoipa::ToSchema;

/// The most values of a facet.
pub const MAX_FACET_VALUES: usize = 50;

/// What products of a list can be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FacetKind {
    /// By category; each counts what is in the categories below it, too.
    Category,
    /// By brand.
    Brand,
    /// By tag.
    Tag,
    /// The lowest and the highest price.
    Price,
    /// By whether pieces can be sold: `true` or `false`.
    InStock,
    /// By the values of each option of variants, such as size.
    Option,
    /// By the values of each attribute that has choices, numbers, or true and false.
    Attribute,
}

impl FacetKind {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Category, "category"),
        (Self::Brand, "brand"),
        (Self::Tag, "tag"),
        (Self::Price, "price"),
        (Self::InStock, "in_stock"),
        (Self::Option, "option"),
        (Self::Attribute, "attribute"),
    ];
}

/// Kinds of facets in a query string: `brand,attribute`.
#[derive(Debug, Clone, PartialEq)]
pub struct FacetKinds(Vec<FacetKind>);

impl FacetKinds {
    /// The kinds, each once, in the order in which they were asked for.
    pub fn as_slice(&self) -> &[FacetKind] {
        &self.0
    }
}

impl Serialize for FacetKinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = |kind| FacetKind::ALL.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name);
        let names: Vec<_> = self.0.iter().map(|kind| name(*kind)).collect();
        serializer.serialize_str(&names.join(","))
    }
}

impl<'de> Deserialize<'de> for FacetKinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let mut kinds = Vec::new();
        for word in text.split(',') {
            let Some((kind, _)) = FacetKind::ALL.iter().find(|(_, name)| *name == word) else {
                let names: Vec<_> = FacetKind::ALL.iter().map(|(_, name)| *name).collect();
                return Err(D::Error::custom(format!("must be some of {}, separated by commas", names.join(", "))));
            };
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        Ok(Self(kinds))
    }
}

/// How many products of a list have each of some values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Facet {
    /// What they are counted by.
    pub kind: FacetKind,
    /// The code of the attribute, or the name of the option in lower case; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "material")]
    pub code: Option<String>,
    /// The name of the attribute or option; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Material")]
    pub name: Option<String>,
    /// The unit of the attribute; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "cm")]
    pub unit: Option<String>,
    /// The most frequent values, at most 50; none for prices and numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub values: Vec<FacetValue>,
    /// The lowest price, in the shop's currency, or number; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 4.5)]
    pub lowest: Option<Number>,
    /// The highest price, in the shop's currency, or number; absent for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 329)]
    pub highest: Option<Number>,
}

/// How many products have a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// The value, as it restricts the list: the id of the category, the brand, the tag, or the value of the option in lower case, the code of
    /// what is chosen, `true` or `false`.
    #[schema(example = "wool")]
    pub value: String,
    /// The value, as it is shown.
    #[schema(example = "Wool")]
    pub name: String,
    /// How many products of the list have it. What restricts the list by this facet does not count: a buyer sees what another choice
    /// would find.
    #[schema(example = 12)]
    pub count: u64,
}

/// The most pairs of a filter.
const MAX_PAIRS: usize = 20;

/// Which attributes products have, in a query string: `material:wool,material:linen,width_cm:50..80`.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeFilter(BTreeMap<AttributeCode, Vec<Wanted>>);

/// A value of an attribute that is looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// The code of a choice, `true` or `false`, or a number.
    Value(String),
    /// A number of at least the first and at most the second; `None` where there is no limit.
    Range(Option<f64>, Option<f64>),
}

impl AttributeFilter {
    /// The attributes, each with the values of which a product must have one.
    pub fn attributes(&self) -> &BTreeMap<AttributeCode, Vec<Wanted>> {
        &self.0
    }

    /// The same without one of the attributes; `None` if none is left.
    pub fn without(&self, code: &AttributeCode) -> Option<Self> {
        let mut rest = self.0.clone();
        rest.remove(code);
        (!rest.is_empty()).then_some(Self(rest))
    }
}

impl Serialize for AttributeFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let end = |end: &Option<f64>| end.map(|end| end.to_string()).unwrap_or_default();
        let value = |wanted: &Wanted| match wanted {
            Wanted::Value(value) => value.clone(),
            Wanted::Range(from, to) => format!("{}..{}", end(from), end(to)),
        };
        let pairs = self.0.iter().flat_map(|(code, all)| all.iter().map(move |wanted| format!("{code}:{}", value(wanted))));
        serializer.serialize_str(&pairs.collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for AttributeFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RULE: &str =
            "must be pairs of an attribute and a value, or a range of numbers, such as material:wool,width_cm:50..80";
        let text = Cow::<str>::deserialize(deserializer)?;
        let mut all: BTreeMap<AttributeCode, Vec<Wanted>> = BTreeMap::new();
        for pair in text.split(',') {
            let (code, value) = pair.split_once(':').ok_or_else(|| D::Error::custom(RULE))?;
            let code = code.trim().parse().map_err(|_| D::Error::custom(RULE))?;
            all.entry(code).or_default().push(wanted(value.trim()).ok_or_else(|| D::Error::custom(RULE))?);
        }
        if all.values().map(Vec::len).sum::<usize>() > MAX_PAIRS {
            return Err(D::Error::custom(format!("must have at most {MAX_PAIRS} pairs")));
        }
        Ok(Self(all))
    }
}

fn wanted(value: &str) -> Option<Wanted> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.abs() <= MAX_NUMBER);
    if let Some((from, to)) = value.split_once("..") {
        let end = |text: &str| if text.is_empty() { Some(None) } else { number(text).map(Some) };
        return match (end(from)?, end(to)?) {
            (None, None) => None,
            (from, to) => Some(Wanted::Range(from, to)),
        };
    }
    let is_plain = value.parse::<AttributeCode>().is_ok() || number(value).is_some();
    is_plain.then(|| Wanted::Value(value.into()))
}

/// Which values a variant has for its options, in a query string: `Size:M,Colour:Red`.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionFilter(BTreeMap<String, Vec<String>>);

impl OptionFilter {
    /// Names of options in lower case, each with the values, in lower case, of which the variant must have one.
    pub fn options(&self) -> &BTreeMap<String, Vec<String>> {
        &self.0
    }

    /// The same without one of the options; `None` if none is left.
    pub fn without(&self, name: &str) -> Option<Self> {
        let mut rest = self.0.clone();
        rest.remove(name);
        (!rest.is_empty()).then_some(Self(rest))
    }
}

impl Serialize for OptionFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(',', "\\,").replace(':', "\\:");
        let pairs = self.0.iter().flat_map(|(name, all)| all.iter().map(move |value| (name, value)));
        let pairs = pairs.map(|(name, value)| format!("{}:{}", escaped(name), escaped(value)));
        serializer.serialize_str(&pairs.collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for OptionFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RULE: &str = "must be pairs of an option and a value, such as Size:M,Colour:Red, with \\ before , : and \\ in them";
        let text = Cow::<str>::deserialize(deserializer)?;
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs(&text).ok_or_else(|| D::Error::custom(RULE))? {
            all.entry(name).or_default().push(value);
        }
        if all.len() > super::MAX_OPTIONS || all.values().map(Vec::len).sum::<usize>() > MAX_PAIRS {
            let rule = format!("must have at most {MAX_PAIRS} pairs, of at most {} options", super::MAX_OPTIONS);
            return Err(D::Error::custom(rule));
        }
        Ok(Self(all))
    }
}

/// Names and values in lower case; `None` if one of them is missing.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let (mut name, mut word, mut is_escaped) = (None, String::new(), false);
    // as if one more pair followed
    for c in text.chars().chain([',']) {
        match c {
            _ if is_escaped => {
                word.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            ':' if name.is_none() => name = Some(std::mem::take(&mut word)),
            ',' => {
                let pair = (name.take()?, std::mem::take(&mut word));
                let pair = (normal(&pair.0), normal(&pair.1));
                if pair.0.is_empty() || pair.1.is_empty() {
                    return None;
                }
                pairs.push(pair);
            }
            c => word.push(c),
        }
    }
    // a backslash at the end has escaped what would have ended the last pair
    name.is_none().then_some(pairs)
}

fn normal(text: &str) -> String {
    kernel::text::Line::<100>::from(text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::serde_json::{Value, from_value, to_value};

    fn read<T: for<'de> Deserialize<'de> + Serialize>(text: &str) -> Option<String> {
        let read: T = from_value(Value::String(text.into())).ok()?;
        let written = to_value(&read).expect("text");
        // what is written is read as the same
        let again: T = from_value(written.clone()).expect("a filter");
        assert_eq!(to_value(&again).expect("text"), written);
        written.as_str().map(str::to_owned)
    }

    #[test]
    fn filters_are_read() {
        let attributes = |text| read::<AttributeFilter>(text);
        assert_eq!(
            attributes("material:wool,washable:true, material : linen").as_deref(),
            Some("material:wool,material:linen,washable:true")
        );
        assert_eq!(attributes("w:50..80,h:..3.5,d:-2..,x:7.25").as_deref(), Some("d:-2..,h:..3.5,w:50..80,x:7.25"));
        for bad in ["", ",", "a", "a:", ":a", "a:..", "a:b..c", "A:b", "a:B C", "a:1e300..", "a:nan..", "a:1,"] {
            assert_eq!(attributes(bad), None, "{bad}");
        }
        assert_eq!(attributes(&["a:1"; 21].join(",")), None);

        let options = |text| read::<OptionFilter>(text);
        assert_eq!(options("Size:M,COLOUR:Red,size:L").as_deref(), Some("colour:red,size:m,size:l"));
        assert_eq!(options(r"Size:2\,5 m,Ra\:tio:1:2").as_deref(), Some(r"ra\:tio:1\:2,size:2\,5 m"));
        for bad in ["", ",", "Size", "Size:", ":M", r"Size:M\", "Size: ,a:b", "a:1,b:1,c:1,d:1"] {
            assert_eq!(options(bad), None, "{bad}");
        }

        let facets = |text| read::<FacetKinds>(text);
        assert_eq!(facets("brand,attribute,brand").as_deref(), Some("brand,attribute"));
        for bad in ["", "Brand", "brand,", "brands"] {
            assert_eq!(facets(bad), None, "{bad}");
        }
    }
}
