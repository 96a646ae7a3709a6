//! Refuses valid JSON that programs understand differently: the same key twice in an object, of which some take the first and
//! others the last, and the character U+0000, at which some databases and libraries stop reading.

use super::explain::escape;
use crate::{Fault, FieldError};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{collections::HashSet, fmt};

/// Checks a body. Text that is not JSON is left to the decoder.
///
/// # Errors
/// `invalid_argument` with a pointer to the field.
pub(super) fn check(body: &[u8]) -> Result<(), Fault> {
    let mut walk = Walk { pointer: String::new(), wrong: None };
    let mut parser = serde_json::Deserializer::from_slice(body);
    drop(walk.deserialize(&mut parser));
    match walk.wrong {
        Some(wrong) => Err(Fault::invalid_fields(vec![wrong])),
        None => Ok(()),
    }
}

struct Walk {
    /// Where it is.
    pointer: String,
    wrong: Option<FieldError>,
}

impl Walk {
    fn stop<T, E: Error>(&mut self, detail: &str) -> Result<T, E> {
        self.wrong = Some(FieldError { pointer: self.pointer.clone(), detail: detail.into() });
        Err(E::custom(detail))
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if text.contains('\0') { self.stop("must not contain the character U+0000") } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Walk {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Walk {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        let length = self.pointer.len();
        while let Some(key) = map.next_key::<String>()? {
            self.pointer += "/";
            self.pointer += &escape(&key);
            self.text(&key)?;
            if !seen.insert(key) {
                return self.stop("is given twice");
            }
            map.next_value_seed(&mut *self)?;
            self.pointer.truncate(length);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let length = self.pointer.len();
        for index in 0_usize.. {
            self.pointer += &format!("/{index}");
            if items.next_element_seed(&mut *self)?.is_none() {
                break;
            }
            self.pointer.truncate(length);
        }
        self.pointer.truncate(length);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(body: &str) -> Option<String> {
        check(body.as_bytes()).err().map(|fault| fault.errors()[0].pointer.clone())
    }

    #[test]
    fn a_key_that_is_given_twice_is_found_wherever_it_is() {
        for (body, expected) in [
            (r#"{"a":1,"a":1}"#, "/a"),
            (r#"{"a":1,"\u0061":2}"#, "/a"),
            (r#"{"a":[{"b":1},{"b":1,"c":{},"b":2}]}"#, "/a/1/b"),
            (r#"{"x/y":{"~":1,"~":2}}"#, "/x~1y/~0"),
            (r#"{"a":"\u0000"}"#, "/a"),
            (r#"[["b"],["\u0000"]]"#, "/1/0"),
            (r#"{"a":1,"a":"#, "/a"),
        ] {
            assert_eq!(pointer(body).as_deref(), Some(expected), "{body}");
        }
        for good in [r#"{"a":1,"b":[{"a":1},{"a":null}],"A":1.5,"c":{"a":-1,"d":true}}"#, "{", "", "nope", "[[[["] {
            assert_eq!(pointer(good), None, "{good}");
        }
        assert_eq!(pointer(&"[".repeat(200_000)), None);
    }
}
