//! The OpenAPI document is exactly as strict as the server. For every rule that the document has for a field or parameter of an
//! operation, the test sends the shop a value just inside and a value just outside.
//!
//! For a value inside, the answer must not name the field. For a value outside, it must be a 400 that names the field.

use crate::harness::{Account, Answer, Shop};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};

/// Operations of the gateway itself, which have no parameters.
const NOTHING_TO_SEND: [&str; 3] = ["/health", "/livez", "/openapi.json"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_as_strict_as_the_server_about_parameters() {
    both_sides(|cases| cases.filter(|case| case.place == Place::Parameter).collect(), 150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_as_strict_as_the_server_about_bodies() {
    both_sides(|cases| cases.filter(|case| case.place == Place::Body).collect(), 500).await;
}

/// Tries these cases. There must be at least `some`, so that the test cannot pass without trying any.
async fn both_sides(these: impl FnOnce(std::vec::IntoIter<Case>) -> Vec<Case>, some: usize) {
    let shop = Shop::one_process(&[]).await;
    let document = shop.get("/openapi.json").await.expect(200);
    let admin = shop.admin().await;
    let mut reader = Reader { document: &document, cases: Vec::new() };
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if !NOTHING_TO_SEND.contains(&path.as_str()) {
                reader.operation(path, method, operation);
            }
        }
    }
    let cases = these(reader.cases.into_iter());
    assert!(cases.len() >= some, "only {} values", cases.len());
    let number = cases.len();
    let (shop, admin) = (&shop, &admin);
    let answers = cases.into_iter().map(|case| async move {
        let answer = answer(shop, admin, &case.request).await;
        case.complaint(&answer)
    });
    let wrong: Vec<String> = stream::iter(answers).buffer_unordered(8).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{} of {number} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Messages about values in the right form that do not fit the data in the store.
const OF_THE_STORE: [&str; 5] = [
    "is not your password",
    "the currency of this shop",
    "must not be the category itself",
    "must be a picture that was uploaded",
    "must be a variant of this product",
];

/// A request of an operation, with places for values.
#[derive(Clone)]
struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Parameter,
    Body,
}

/// A request, and the expected answer.
struct Case {
    place: Place,
    request: Request,
    expected: Expected,
    /// A description, for the message of a failure.
    what: String,
}

enum Expected {
    /// The answer does not name the field.
    Inside(String),
    /// The answer is a 400 that names the field.
    Outside(String),
    /// The body is refused.
    Refused,
    /// No text in the answer is untrimmed or decomposed.
    Normal,
    Anything,
}

impl Case {
    fn complaint(&self, answer: &Answer) -> Option<String> {
        let is_right = answer.status < 500
            && match &self.expected {
                Expected::Inside(field) => !names(answer, field),
                Expected::Outside(field) => names(answer, field),
                Expected::Refused => answer.status == 400,
                Expected::Normal => !["\u{301}", "\u{a0}", "é \""].iter().any(|typed| answer.text.contains(typed)),
                Expected::Anything => true,
            };
        let text: String = answer.text.chars().take(300).collect();
        (!is_right).then(|| format!("{} {} {}: {} {text}", self.request.method, self.request.path, self.what, answer.status))
    }
}

/// Whether the answer names a field because of its form.
fn names(answer: &Answer, field: &str) -> bool {
    let errors = answer.text.parse::<Value>().map(|answer| answer["errors"].clone()).unwrap_or_default();
    let is_named = errors.as_array().into_iter().flatten().any(|error| {
        let pointer = error["pointer"].as_str().unwrap_or_default().trim_start_matches('/');
        let detail = error["detail"].as_str().unwrap_or_default();
        pointer == field.trim_start_matches('/') && !OF_THE_STORE.iter().any(|rule| detail.contains(rule))
    });
    answer.status == 400 && is_named
}

async fn answer(shop: &Shop, admin: &Account, request: &Request) -> Answer {
    // the remaining parameters of the path are not tried in this case
    let is_uuid = request.path.contains("payments") || request.path.contains("notifications");
    let picture = "a".repeat(64);
    let value = |name: &str| match name {
        "{size}" => "thumb",
        "{language}" => "de",
        _ if request.path.starts_with("/api/media/") => &picture,
        _ if is_uuid => UUID,
        _ => "1",
    };
    let mut path = request.path.clone();
    while let (Some(begin), Some(end)) = (path.find('{'), path.find('}')) {
        let value = value(&path[begin..=end]);
        path.replace_range(begin..=end, value);
    }
    let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let mut sent = shop.request(&request.method, format!("{path}?{}", query.join("&")).trim_end_matches('?'));
    if !path.starts_with("/api/auth/") {
        sent = sent.bearer_auth(&admin.token);
    }
    for (name, value) in &request.headers {
        sent = sent.header(name, value);
    }
    if let Some(body) = &request.body {
        sent = sent.json(body);
    }
    shop.send(sent).await
}

/// Reads the document.
struct Reader<'a> {
    document: &'a Value,
    cases: Vec<Case>,
}

impl Reader<'_> {
    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let schema = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        let schema = (!schema.is_null()).then(|| self.resolve(&schema));
        let body = schema.as_ref().map(|schema| self.example(schema, ""));
        let base = Request { method: method.to_uppercase(), path: path.into(), query: vec![], headers: vec![], body };

        for parameter in &parameters {
            let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            let rules = self.resolve(&parameter["schema"]);
            let (inside, mut outside) = values(name, &rules);
            // in a URL or a header everything is text
            let is_text = rules["type"].to_string().contains("string");
            outside.retain(|value| value.is_string() || value.is_number() && !is_text);
            for (values, is_inside) in [(inside, true), (outside, false)] {
                for value in values {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    if text.is_empty() && (place == "path" || !is_inside && rules["minLength"].is_null()) {
                        // a path without it is another one, and a query without it has none
                        continue;
                    }
                    let mut request = base.clone();
                    match place {
                        "path" => request.path = request.path.replace(&format!("{{{name}}}"), &encoded(&text)),
                        "query" => request.query.push((name.into(), text)),
                        "header" => request.headers.push((name.into(), text)),
                        other => panic!("a parameter in {other}"),
                    }
                    self.side(Place::Parameter, request, name, is_inside, &value);
                }
            }
        }
        if let (Some(schema), Some(body)) = (&schema, &base.body) {
            self.members(&base, schema, body, "");
            let is_required = operation["requestBody"]["required"] == true;
            let nothing = if is_required { Expected::Refused } else { Expected::Anything };
            self.add(Place::Body, Request { body: None, ..base.clone() }, nothing, "no body".into());
            for other in [json!([]), json!(1), json!("x"), json!(null)] {
                let what = other.to_string();
                self.add(Place::Body, Request { body: Some(other), ..base.clone() }, Expected::Refused, what);
            }
        }
    }

    /// The members of the object at `pointer` of the body.
    fn members(&mut self, base: &Request, schema: &Value, body: &Value, pointer: &str) {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let with = |name: &str, value: Option<Value>| {
            let mut whole = base.body.clone().unwrap();
            let object = whole.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap();
            match value {
                Some(value) => object.insert(name.into(), value),
                None => object.remove(name),
            };
            Request { body: Some(whole), ..base.clone() }
        };
        for (name, rules) in schema["properties"].as_object().into_iter().flatten() {
            let (rules, at) = (self.resolve(rules), format!("{pointer}/{name}"));
            self.side(Place::Body, with(name, None), &at, !required.contains(&json!(name)), &json!("(left out)"));
            if rules["properties"].is_object() {
                self.members(base, &rules, &body[name], &at);
                continue;
            }
            if self.resolve(&rules["items"])["properties"].is_object() {
                self.items(base, &rules, &body[name], &at, &|value| with(name, Some(value)));
                continue;
            }
            let (inside, outside) = values(name, &rules);
            for (values, is_inside) in [(inside, true), (outside, false)] {
                for value in values {
                    self.side(Place::Body, with(name, Some(value.clone())), &at, is_inside, &value);
                }
            }
            if let Some(pattern) = of_characters(&rules) {
                let typed = with(name, Some(json!("\u{a0}Jose\u{301} ")));
                self.add(Place::Body, typed, Expected::Normal, format!("{at} is untrimmed and decomposed"));
                let hidden = with(name, Some(json!("Jo\u{200b}se")));
                self.side(Place::Body, hidden, &at, !pattern.contains("\\u200b"), &json!("(an invisible character)"));
            }
        }
        // an object that accepts unknown members accepts misspelt ones
        assert_eq!(schema["additionalProperties"], false, "{} {}{pointer}", base.method, base.path);
        let unknown = with("unknown_member", Some(json!(1)));
        self.side(Place::Body, unknown, &format!("{pointer}/unknown_member"), false, &json!(1));
    }

    /// The list of objects at `pointer` of the body, which has one.
    fn items(&mut self, base: &Request, rules: &Value, body: &Value, pointer: &str, with: &dyn Fn(Value) -> Request) {
        let count = |limit: &str| rules[limit].as_u64();
        for (some, is_inside) in [(count("minItems"), true), (count("minItems").filter(|least| *least > 0), false)] {
            let number = some.map(|least| if is_inside { least } else { least - 1 });
            if let Some(number) = number.filter(|number| *number != 1) {
                self.side(Place::Body, with(json!(vec![&body[0]; number as usize])), pointer, is_inside, &json!(number));
            }
        }
        let most = count("maxItems").unwrap_or_else(|| panic!("{pointer} may have any number of items"));
        self.side(Place::Body, with(json!(vec![&body[0]; most as usize + 1])), pointer, false, &json!(most + 1));
        for other in [json!("x"), json!(1), json!({})] {
            self.side(Place::Body, with(other.clone()), pointer, false, &other);
        }
        self.members(base, &self.resolve(&rules["items"]), &body[0], &format!("{pointer}/0"));
    }

    fn side(&mut self, place: Place, request: Request, field: &str, is_inside: bool, value: &Value) {
        let (side, expected) =
            if is_inside { ("inside", Expected::Inside(field.into())) } else { ("outside", Expected::Outside(field.into())) };
        let value = value.to_string();
        let short: String = value.chars().take(60).collect();
        self.add(place, request, expected, format!("{field} = {short} ({} characters), {side}", value.chars().count()));
    }

    fn add(&mut self, place: Place, request: Request, expected: Expected, what: String) {
        self.cases.push(Case { place, request, expected, what });
    }

    /// The rules without references; for "this or null", the rules of this with null as another type.
    fn resolve(&self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/")) {
            return self.resolve(&self.document["components"]["schemas"][name]);
        }
        for either in ["oneOf", "anyOf"] {
            if let Some(some) = schema[either].as_array() {
                let mut rules = some.iter().find(|one| one["type"] != "null").map_or(Value::Null, |one| self.resolve(one));
                if some.iter().any(|one| one["type"] == "null") {
                    rules["type"] = json!([rules["type"], "null"]);
                }
                return rules;
            }
        }
        schema.clone()
    }

    /// A valid value, with all members.
    fn example(&self, schema: &Value, name: &str) -> Value {
        let rules = self.resolve(schema);
        if self.resolve(&rules["items"])["properties"].is_object() {
            return json!([self.example(&rules["items"], name)]);
        }
        match rules["properties"].as_object() {
            Some(members) => {
                let members = members.iter().map(|(name, rules)| (name.clone(), self.example(rules, name)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            None => values(name, &rules).0.remove(0),
        }
    }
}

const UUID: &str = "0190b2f0-8a6e-7e6f-8f54-1f0e2d3c4b5a";

/// Values just inside and just outside the rules of a field; the first one inside is an ordinary value.
fn values(name: &str, rules: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    let types: Vec<&str> = match &rules["type"] {
        Value::String(one) => vec![one],
        types => {
            types.as_array().unwrap_or_else(|| panic!("{name} has no type: {rules}")).iter().flat_map(Value::as_str).collect()
        }
    };
    if let Some(words) = rules["enum"].as_array() {
        inside.extend(words.iter().filter(|word| !word.is_null()).cloned());
        outside.extend([json!("nonsense"), json!(7)]);
    } else {
        match types[0] {
            "string" => texts(name, rules, &mut inside, &mut outside),
            "integer" | "number" => {
                let is_whole = types[0] == "integer";
                let (least, most) = (&rules["minimum"], &rules["maximum"]);
                inside.push(rules["example"].clone());
                inside.extend([least, most].into_iter().cloned());
                inside.retain(|value| !value.is_null());
                if inside.is_empty() {
                    inside.push(json!(1));
                }
                outside.extend(least.as_f64().map(|least| json!(least as i64 - 1)));
                outside.extend(most.as_f64().map(|most| json!(most as i64 + 1)));
                outside.extend([json!("x"), json!(1e300)]);
                if is_whole {
                    outside.extend([json!(1.5), json!(u64::MAX), json!(i64::MIN as f64 * 4.0)]);
                }
            }
            "boolean" => {
                inside.extend([json!(true), json!(false)]);
                outside.extend([json!("maybe"), json!(2)]);
            }
            "array" => {
                let most = rules["maxItems"].as_u64();
                if rules["minItems"].as_u64().unwrap_or(0) == 0 {
                    inside.push(json!([]));
                }
                inside.extend(rules.get("example").cloned());
                outside.extend([json!(1), json!("x"), json!({})]);
                let item = if name.ends_with("_ids") { json!(1) } else { json!("x") };
                outside.extend(most.map(|most| json!(vec![item; most as usize + 1])));
            }
            "object" => {
                inside.push(rules.get("example").cloned().unwrap_or(json!({})));
                outside.extend([json!(1), json!("x")]);
            }
            other => panic!("{name} is of type {other}"),
        }
    }
    if types.contains(&"null") {
        inside.push(Value::Null)
    } else {
        outside.push(Value::Null)
    }
    (inside, outside)
}

fn texts(name: &str, rules: &Value, inside: &mut Vec<Value>, outside: &mut Vec<Value>) {
    inside.extend(rules.get("example").cloned());
    outside.extend([json!(7), json!(true), json!({})]);
    if rules["format"] == "date-time" {
        outside.extend([json!(""), json!("x"), json!("2026-02-30T08:00:00Z"), json!("2026-12-01")]);
        return;
    }
    if rules["format"] == "uuid" {
        inside.push(json!(UUID));
        outside.extend([json!("x"), json!(format!("{UUID}0"))]);
        return;
    }
    if name == "Accept-Language" {
        // what cannot be read is ignored
        inside.extend([json!("*/*;;q=x"), json!("a".repeat(600))]);
        return;
    }
    let (least, most) = (rules["minLength"].as_u64().unwrap_or(0), rules["maxLength"].as_u64());
    inside.extend(text_of(name, least as usize).map(Value::from));
    if least > 0 {
        outside.extend([json!("a".repeat(least as usize - 1))]);
    }
    match most {
        Some(most) => {
            inside.extend(text_of(name, most as usize).map(Value::from));
            outside.push(json!(long(name, most as usize + 1)));
        }
        // every text has a limit, or a pattern that limits it
        None => assert!(rules["pattern"].is_string(), "{name} has no limit: {rules}"),
    }
    if ["If-Match", "If-None-Match"].contains(&name) {
        outside.extend([json!("3"), json!("\"3"), json!("*, \"3\""), json!("é")]);
    } else if name == "cursor" {
        outside.extend([json!("?!"), json!("a")]);
    } else if name == "Idempotency-Key" {
        outside.extend([json!("a\tb"), json!("é")]);
    } else if of_characters(rules).is_some() {
        outside.extend([json!("a\u{7}b"), json!("a\u{e000}b"), json!("a\u{ffff}b")]);
    } else if rules["pattern"].is_string() {
        outside.extend([json!("?!"), json!(" - ")]);
    }
    // a cursor is one of a list
    assert!(!inside.is_empty() || name == "cursor", "no value for {name}");
}

/// The pattern of a text, if it is about its characters and nothing else.
fn of_characters(rules: &Value) -> Option<&str> {
    rules["pattern"].as_str().filter(|pattern| pattern.starts_with("^[^\\u0000"))
}

/// A text of this length that obeys the rules which the document cannot express; none if there is no such text.
fn text_of(name: &str, length: usize) -> Option<String> {
    match name {
        "email" if length == 254 => Some(long(name, length)),
        "password" | "new_password" | "current_password" if length >= 8 => Some(format!("Xk9mQ2vL{}", "-".repeat(length - 8))),
        "phone" if length >= 14 => Some(format!("+961 70 123456{}", "-".repeat(length - 14))),
        "email" | "phone" | "locale" | "sort" | "ids" if length > 0 => None,
        "password" | "new_password" if length > 0 => None,
        "cursor" => None,
        "If-Match" | "If-None-Match" => Some("\"3-a\", W/\"\"".into()),
        _ => Some("a".repeat(length)),
    }
}

fn long(name: &str, length: usize) -> String {
    let of = |letter: &str, count| letter.repeat(count);
    match name {
        "email" => format!("{}@{}.{}.{}", of("a", 64), of("b", 63), of("c", 63), of("d", length - 64 - 63 - 63 - 3)),
        "phone" => format!("+961 70 123456{}", of("-", length - 14)),
        "password" | "new_password" | "current_password" => format!("Xk9mQ2vL{}", of("-", length - 8)),
        "locale" => format!("de{}", of("-abcdefgh", length.div_ceil(9))),
        _ => of("a", length),
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
