//! Decoding errors in the words of the API: serde speaks of Rust's types.

use crate::Fault;
use serde::de::IgnoredAny;
use serde_path_to_error::{Path, Segment};

/// A name as a part of a JSON Pointer (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub(super) fn json_fault(body: &[u8], e: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let text = e.inner().to_string();
    // positions say little about a body that is one line
    let text = text.split(" at line ").next().unwrap_or(&text);
    if e.inner().is_syntax() || e.inner().is_eof() {
        // to the parser, a number with too high an exponent is a mistake like a missing brace
        if text == OUT_OF_RANGE {
            return explain(e.path(), text);
        }
        // and so is another value in place of a string
        if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            return explain(e.path(), "expected a string");
        }
        return Fault::invalid("", format!("the body is not valid JSON: {text}"));
    }
    explain(e.path(), text)
}

/// The fault of a value that serde refuses.
pub(super) fn explain(path: &Path, text: &str) -> Fault {
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        // a key may have a point in it, or characters that a pointer escapes
        Segment::Map { key: name } | Segment::Enum { variant: name } => format!("/{}", escape(name)),
        Segment::Unknown => "/?".into(),
    };
    let pointer: String = path.iter().map(segment).collect();
    if text.starts_with("missing field") {
        let field = text.split('`').nth(1).unwrap_or_default();
        return Fault::invalid(format!("{pointer}/{field}"), "is required")
            .with_message(format!("Missing required field: {field}"));
    }
    if text.starts_with("unknown field") {
        // the path ends with the unknown field
        let known = text.split_once(", ").map_or("", |(_, known)| known).replace('`', "\"");
        return Fault::invalid(pointer, format!("is not known here; {known}"));
    }
    if text.starts_with("duplicate field") {
        return Fault::invalid(pointer, "is given twice");
    }
    if let Some(rule) = rule_of_number(text) {
        return Fault::invalid(pointer, rule);
    }
    match text.rsplit_once("expected ") {
        Some((_, expected)) => Fault::invalid(pointer, format!("must be {}", in_words(expected))),
        None => Fault::invalid(pointer, text.replace('`', "\"")),
    }
}

/// What serde_json says of a number that is beyond all others.
const OUT_OF_RANGE: &str = "number out of range";

/// The rule that a number breaks because its type cannot hold it. All other numbers are checked by the rules of their field.
fn rule_of_number(text: &str) -> Option<&'static str> {
    const TOO_LARGE: &str = "is too large";
    const TOO_SMALL: &str = "is too small";
    // in a query
    for (part, rule) in [
        (OUT_OF_RANGE, "is out of range"),
        ("number too large", TOO_LARGE),
        ("number too small", TOO_SMALL),
        ("digit found in string", "must be a whole number"),
        ("parse integer from", "must be a whole number"),
    ] {
        if text.contains(part) {
            return Some(rule);
        }
    }
    // in JSON, where a number that is too large for 64 bits is read as a decimal number
    let is_whole = ["i64", "u64", "i32", "u32"].iter().any(|kind| text.ends_with(&format!("expected {kind}")));
    let given = text.split('`').nth(1)?.parse::<f64>().ok().filter(|_| is_whole)?;
    match given {
        _ if given >= i64::MAX as f64 || text.ends_with("32") && given > f64::from(u32::MAX) => Some(TOO_LARGE),
        _ if given <= i64::MIN as f64 => Some(TOO_SMALL),
        _ => None,
    }
}

fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of at least 0".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a string" | "a borrowed string" | "string" => "text".into(),
        "a boolean" | "bool" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a map" => "an object".into(),
        other if other.starts_with("struct ") => "an object".into(),
        other => other.replace('`', "\""),
    }
}
