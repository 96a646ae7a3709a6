//! Decoding messages of another version of the shop: an unknown field is dropped and logged.
//!
//! Types of requests refuse unknown fields, so that clients notice typing errors. Between processes of the shop an unknown field
//! means that the other side is newer, which happens in every roll-out. This code runs only after strict decoding has failed: it
//! costs nothing when the versions are the same.

use crate::log::log_seldom;
use serde::de::{DeserializeOwned, value};
use serde_json::Value;
use serde_path_to_error::{Error, Path, Segment};
use url::form_urlencoded;

/// The number of different fields that are dropped from one message.
const MOST: usize = 32;

/// Decodes JSON.
///
/// # Errors
/// When more is wrong than unknown fields.
pub(crate) fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error<serde_json::Error>> {
    let strict = |text: &[u8]| serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(text));
    let mut decoded = strict(text);
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else { return decoded };
    for _ in 0..MOST {
        let Err(e) = &decoded else { break };
        if !is_unknown_field(&e.inner().to_string()) || !remove(&mut value, &e.path().iter().collect::<Vec<_>>()) {
            break;
        }
        warn_unknown(e.path());
        let Ok(text) = serde_json::to_vec(&value) else { break };
        decoded = strict(&text);
    }
    decoded
}

/// Decodes a query.
///
/// # Errors
/// When more is wrong than unknown parameters.
pub(crate) fn query<T: DeserializeOwned>(text: &str) -> Result<T, Error<value::Error>> {
    let mut pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    loop {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let parser = serde_html_form::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        let decoded: Result<T, _> = serde_path_to_error::deserialize(parser);
        let before = pairs.len();
        if let Err(e) = &decoded
            && is_unknown_field(&e.inner().to_string())
            && let Some(Segment::Map { key }) = e.path().iter().next_back()
        {
            warn_unknown(e.path());
            pairs.retain(|(name, _)| name != key);
        }
        if pairs.len() == before {
            return decoded;
        }
    }
}

fn is_unknown_field(text: &str) -> bool {
    text.starts_with("unknown field")
}

/// Removes the value at the path, in a list from all of its elements: they are of one type. `false` when there was none.
fn remove(value: &mut Value, path: &[&Segment]) -> bool {
    match (path, value) {
        ([Segment::Map { key }], Value::Object(fields)) => fields.remove(key).is_some(),
        ([Segment::Map { key: name } | Segment::Enum { variant: name }, rest @ ..], Value::Object(fields)) => {
            fields.get_mut(name).is_some_and(|field| remove(field, rest))
        }
        ([Segment::Seq { .. }, rest @ ..], Value::Array(items)) => {
            items.iter_mut().map(|item| remove(item, rest)).filter(|found| *found).count() > 0
        }
        _ => false,
    }
}

fn warn_unknown(path: &Path) {
    let field = path.to_string();
    log_seldom(&format!("unknown field {field}"), |again| {
        tracing::warn!(field, again, "a process of another version sent an unknown field: it is ignored");
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        number: u32,
        #[serde(default)]
        lines: Vec<Line>,
        paid: Option<Paid>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        quantity: u32,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    enum Paid {
        Card { last: String },
    }

    #[test]
    fn unknown_fields_are_dropped_wherever_they_are() {
        let many: Vec<_> =
            (0..1000).map(|quantity| serde_json::json!({"quantity": quantity, "unit": "kg", "tax": [1]})).collect();
        let text = serde_json::json!({
            "number": 1, "newer": {"number": 2}, "lines": many, "paid": {"card": {"last": "4242", "brand": "visa"}}
        });
        let order: Order = json(text.to_string().as_bytes()).expect("read");
        assert_eq!((order.number, order.lines.len(), order.lines[7].quantity), (1, 1000, 7));
        assert_eq!(order.paid, Some(Paid::Card { last: "4242".into() }));
    }

    #[test]
    fn everything_else_is_refused_as_ever() {
        for (text, why) in [
            (r#"{"newer":1}"#, "missing field `number`"),
            (r#"{"newer":1,"number":"x"}"#, "invalid type"),
            (r#"{"number":1,"lines":[{"unit":1}]}"#, "missing field `quantity`"),
            (r#"{"number":1,"paid":{"cash":{}}}"#, "unknown variant"),
            (r#"{"number":1,"number":1}"#, "duplicate field"),
            (r#"{"number":1"#, "EOF"),
        ] {
            let error = json::<Order>(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn unknown_parameters_of_a_query_are_dropped() {
        assert_eq!(query::<Line>("newer=a%26b&quantity=3&other=").expect("read"), Line { quantity: 3 });
        for bad in ["newer=1", "quantity=x&newer=1", ""] {
            assert!(query::<Line>(bad).is_err(), "{bad}");
        }
    }
}
