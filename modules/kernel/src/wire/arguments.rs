//! The arguments of a call on the wire: parameters of the path, query and body.

use super::{
    explain::{escape, explain, json_fault},
    lenient, strict, whole,
};
use crate::{Ctx, Fault, IfMatch, Op, Upload, UserId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr};

/// RFC 3986 unreserved characters stay as they are.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The arguments of a call, encoded. A failure to encode is kept until the call is made.
#[derive(Debug)]
pub struct Outgoing {
    pub(crate) path: String,
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) query: String,
    pub(crate) body: Option<Vec<u8>>,
    /// The body, if it is a stream.
    pub(crate) upload: Option<Upload>,
    /// The value of the header.
    pub(crate) if_match: Option<String>,
    pub(crate) fault: Option<Fault>,
}

impl Outgoing {
    /// A call of `op` without arguments.
    pub fn new(op: &Op) -> Self {
        let (params, query) = (Vec::new(), String::new());
        Self { path: op.path.into(), params, query, body: None, upload: None, if_match: None, fault: None }
    }

    /// Fills a parameter of the path.
    pub fn param<T: Display>(mut self, name: &'static str, value: &T) -> Self {
        let value = value.to_string();
        if let Err(fault) = check_segment(name, &value) {
            self.fault = Some(fault);
        }
        let segment = utf8_percent_encode(&value, SEGMENT).to_string();
        self.path = self.path.replace(&format!("{{{name}}}"), &segment);
        self.params.push((name, value));
        self
    }

    /// Sets the query.
    pub fn query<T: Serialize>(mut self, value: &T) -> Self {
        match serde_html_form::to_string(value) {
            Ok(query) => self.query = query,
            Err(e) => self.fault = Some(Fault::internal(format_args!("query of {}: {e}", self.path))),
        }
        self
    }

    /// Sets the condition.
    pub fn if_match(self, condition: &IfMatch) -> Self {
        Self { if_match: condition.header(), ..self }
    }

    /// Sets the body that is a stream.
    pub fn upload(self, body: Upload) -> Self {
        Self { upload: Some(body), ..self }
    }

    /// Sets the JSON body.
    pub fn body<T: Serialize>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = Some(body),
            Err(e) => self.fault = Some(Fault::internal(format_args!("body of {}: {e}", self.path))),
        }
        self
    }
}

/// The arguments of a call, to be decoded.
#[derive(Debug)]
pub struct Incoming {
    /// Parameters of the path, decoded.
    pub params: Vec<(String, String)>,
    /// The raw query string.
    pub query: String,
    /// The raw body; `None` when the request has none and need not have one. Empty when it has none and needs one, if the
    /// operation takes one at all.
    pub body: Option<Vec<u8>>,
    /// The body of an operation whose body is a stream.
    pub upload: Option<Upload>,
    /// The value of the header `If-Match`.
    pub if_match: Option<String>,
    /// Whether another process of the shop sent it, maybe one of a newer version: then unknown fields are dropped. From clients
    /// they are mistakes.
    pub from_peer: bool,
}

impl Incoming {
    /// A parameter of the path.
    ///
    /// # Errors
    /// `invalid_argument` with the name of the parameter and its rule.
    pub fn param<T: FromStr>(&self, name: &str) -> Result<T, Fault>
    where
        T::Err: Display,
    {
        let text = self.params.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        check_segment(name, text)?;
        text.parse().map_err(|e: T::Err| Fault::invalid(format!("/{name}"), e.to_string()))
    }

    /// A parameter that the public path lacks: at the gateway it is the id of the logged-in user.
    ///
    /// # Errors
    /// `unauthenticated` when no user is logged in, or as [`Incoming::param`].
    pub fn own_param(&self, cx: &Ctx, name: &str) -> Result<UserId, Fault> {
        if self.params.iter().any(|(n, _)| n == name) { self.param(name) } else { cx.user() }
    }

    /// Takes the body that is a stream.
    ///
    /// # Errors
    /// `internal` when there is none: servers and the loopback see to it that there is.
    pub fn upload(&mut self) -> Result<Upload, Fault> {
        self.upload.take().ok_or_else(|| Fault::internal("a call that needs a stream came without one"))
    }

    /// The query.
    ///
    /// # Errors
    /// `invalid_argument` with the name of the parameter.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let mut names: Vec<_> = url::form_urlencoded::parse(self.query.as_bytes()).map(|(name, _)| name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Fault::invalid(format!("/{}", escape(&twice[0])), "is given twice"));
        }
        let parser = serde_html_form::Deserializer::new(url::form_urlencoded::parse(self.query.as_bytes()));
        let decoded = serde_path_to_error::deserialize(parser);
        let decoded = if self.from_peer { decoded.or_else(|_| lenient::query(&self.query)) } else { decoded };
        decoded.map_err(|e| explain(e.path(), &e.inner().to_string()))
    }

    /// Checks that there is no query: the operation takes none.
    ///
    /// # Errors
    /// `invalid_argument` with the name of the first parameter.
    pub fn no_query(&self) -> Result<(), Fault> {
        match url::form_urlencoded::parse(self.query.as_bytes()).next() {
            None => Ok(()),
            Some(_) if self.from_peer => Ok(()),
            Some((name, _)) => Err(Fault::invalid(format!("/{}", escape(&name)), "is not a parameter of this operation")),
        }
    }

    /// The condition.
    ///
    /// # Errors
    /// `invalid_argument` with the name of the header.
    pub fn if_match(&self) -> Result<IfMatch, Fault> {
        match &self.if_match {
            None => Ok(IfMatch::Absent),
            Some(header) => header.parse().map_err(|rule| Fault::invalid("/If-Match", rule)),
        }
    }

    /// Checks that there is no condition: the operation compares none. Whoever sends one must not believe that it was heeded.
    ///
    /// # Errors
    /// `invalid_argument` with the name of the header.
    pub fn no_if_match(&self) -> Result<(), Fault> {
        match self.if_match {
            None => Ok(()),
            Some(_) => Err(Fault::invalid("/If-Match", "is not compared by this operation")),
        }
    }

    /// The JSON body.
    ///
    /// # Errors
    /// `invalid_argument` with a pointer to the field.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        // no body is an empty object: enough where every field may be left out, and elsewhere the missing field is named
        let body = self.body.as_deref().unwrap_or(b"{}");
        if body.is_empty() {
            let (params, query, from_peer) = (Vec::new(), String::new(), self.from_peer);
            let empty = Self { body: None, upload: None, params, query, if_match: None, from_peer };
            empty.body::<T>()?;
            return Err(Fault::invalid(
                "",
                "a body is required, because members that are left out have a meaning; {} leaves out all",
            ));
        }
        // serde would take a list for an object, field by field
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(Fault::invalid("", "the body must be a JSON object"));
        }
        if !self.from_peer {
            strict::check(body)?;
        }
        let mut parser = serde_json::Deserializer::from_slice(body);
        match serde_path_to_error::deserialize(&mut parser) {
            Ok(value) => {
                parser.end().map_err(|_| Fault::invalid("", "the body must be one JSON value"))?;
                Ok(value)
            }
            Err(_) if self.from_peer => lenient::json(body).map_err(|e| json_fault(body, &e)),
            Err(e) => {
                let whole = whole::without_fractions(body).and_then(|body| serde_json::from_slice(&body).ok());
                whole.ok_or_else(|| json_fault(body, &e))
            }
        }
    }
}

/// A URL cannot carry these values: an empty segment is none, and clients and proxies take the others for steps.
fn check_segment(name: &str, value: &str) -> Result<(), Fault> {
    match value {
        "" | "." | ".." => Err(Fault::invalid(format!("/{name}"), "must not be empty, \".\" or \"..\"")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
        lines: Vec<Line>,
    }
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Line {
        quantity: u32,
        #[serde(default)]
        unit: Unit,
    }
    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Unit {
        #[default]
        Piece,
    }

    fn refuse(body: &str) -> (String, String) {
        let incoming = Incoming {
            params: vec![],
            query: String::new(),
            body: Some(body.into()),
            upload: None,
            if_match: None,
            from_peer: false,
        };
        let fault = incoming.body::<Body>().expect_err(body);
        assert_eq!(fault.code(), Code::InvalidArgument);
        (fault.errors().first().map_or(String::new(), |e| e.pointer.clone()), fault.to_string())
    }

    #[test]
    fn no_body_is_an_empty_object_but_where_one_is_required() {
        #[derive(Debug, serde::Deserialize)]
        struct Optional {
            note: Option<String>,
        }
        let incoming = |body: Option<&str>| Incoming {
            params: vec![],
            query: String::new(),
            body: body.map(|body| body.into()),
            upload: None,
            if_match: None,
            from_peer: false,
        };
        assert!(incoming(None).body::<Optional>().is_ok_and(|body| body.note.is_none()));
        assert!(incoming(Some("")).body::<Optional>().is_err_and(|e| e.to_string().starts_with("a body is required")));
        for body in [None, Some("")] {
            assert_eq!(incoming(body).body::<Body>().expect_err("empty").to_string(), "Missing required field: name");
        }
    }

    #[test]
    fn a_whole_number_may_have_a_fraction_of_zeros() {
        let body = br#"{"name":"2.0","lines":[{"quantity":2.0}]}"#;
        let incoming = Incoming {
            params: vec![],
            query: String::new(),
            body: Some(body.to_vec()),
            upload: None,
            if_match: None,
            from_peer: false,
        };
        let body: Body = incoming.body().expect("2.0 is an integer");
        assert_eq!((body.name.as_str(), body.lines[0].quantity), ("2.0", 2));
    }

    #[test]
    fn a_bad_body_names_the_field() {
        assert_eq!(refuse(r#"{"lines":[]}"#), ("/name".into(), "Missing required field: name".into()));
        assert_eq!(refuse(r#"{"name":null,"lines":[]}"#).0, "/name");
        let quantity = ("/lines/0/quantity".to_owned(), "lines/0/quantity must be a whole number of at least 0".to_owned());
        for wrong in ["-1", "1.5", "\"1\"", "null", "{}"] {
            assert_eq!(refuse(&format!(r#"{{"name":"x","lines":[{{"quantity":{wrong}}}]}}"#)), quantity);
        }
        for (wrong, rule) in
            [("4294967296", "large"), ("99999999999999999999", "large"), ("1e300", "large"), ("-99999999999999999999", "small")]
        {
            let (_, refused) = refuse(&format!(r#"{{"name":"x","lines":[{{"quantity":{wrong}}}]}}"#));
            assert_eq!(refused, format!("lines/0/quantity is too {rule}"), "{wrong}");
        }
        for wrong in ["1e400", "-1e400"] {
            let refused = refuse(&format!(r#"{{"name":"x","lines":[{{"quantity":{wrong}}}]}}"#));
            assert_eq!(refused, ("/lines/0/quantity".into(), "lines/0/quantity is out of range".into()), "{wrong}");
        }
        assert_eq!(refuse(r#"{"name":1,"lines":[]}"#), ("/name".into(), "name must be text".into()));
        for wrong in ["1", "null", "[]", "true"] {
            let refused = refuse(&format!(r#"{{"name":"x","lines":[{{"quantity":1,"unit":{wrong}}}]}}"#));
            assert_eq!(refused, ("/lines/0/unit".into(), "lines/0/unit must be text".into()), "{wrong}");
        }
        assert_eq!(refuse(r#"{"name":"x","lines":[{}]}"#).0, "/lines/0/quantity");
        assert_eq!(refuse(r#"{"name":"x","lines":[],"price":1}"#).0, "/price");
        assert_eq!(refuse(r#"{"name":"x","lines":[]} 1"#).1, "the body must be one JSON value");
        for text in ["", "{", "nope", "\u{0}", &"[".repeat(200_000), &r#"{"name":"#.repeat(200_000)] {
            let (_, text) = refuse(text);
            assert!(!text.contains("line ") && text.len() < 200, "{text}");
        }
    }
}
