//! What clients of every release since 0.1.0 send is still accepted, and what they read is still answered: the document of the
//! release (`upgrade/VERSION/openapi.json`) is a part of today's. What was removed or narrowed is named here.

use serde_json::{Map, Value};
use std::{
    collections::{BTreeSet, HashSet},
    fs,
};

/// Every promise of 0.1.0 that does not hold, as `CHANGELOG.md` says.
const BROKEN: &[&str] = &[
    // an absolute number would undo the sales since it was read; POST /api/variants/{id}/stock-movements needs no header
    "PUT /api/products/{id}/stock needs the header If-Match",
    // where stock has thresholds, and notification.stock_mail_to says who is told
    "GET /api/admin/notifications answer notifications/kind has \"stock.low\"",
    "GET /api/admin/notifications/{id} answer notification/kind has \"stock.low\"",
    "GET /api/dev/mailbox answer messages/kind has \"stock.low\"",
    "GET /api/notifications answer notifications/kind has \"stock.low\"",
    "POST /api/admin/notifications/{id}/resend answer kind has \"stock.low\"",
];

#[test]
fn clients_of_earlier_releases_can_go_on() {
    let today: Value = read("openapi/gateway.json");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/upgrade");
    let mut releases = 0;
    for release in fs::read_dir(folder).unwrap() {
        let before = read(release.unwrap().path().join("openapi.json").to_str().unwrap());
        let mut promises = Promises { before: &before, today: &today, broken: BTreeSet::new(), seen: HashSet::new() };
        promises.compare();
        let broken: Vec<&str> = promises.broken.iter().map(String::as_str).collect();
        assert_eq!(broken.iter().copied().collect::<BTreeSet<_>>(), BROKEN.iter().copied().collect());
        releases += 1;
    }
    assert!(releases > 0);
}

#[test]
fn what_breaks_clients_is_found() {
    let before = read("tests/it/upgrade/0.1.0/openapi.json");
    let found = |change: &dyn Fn(&mut Value)| {
        let mut today = before.clone();
        change(&mut today);
        let mut promises = Promises { before: &before, today: &today, broken: BTreeSet::new(), seen: HashSet::new() };
        promises.compare();
        promises.broken.into_iter().collect::<Vec<_>>()
    };
    assert!(found(&|_| ()).is_empty());
    let of_new_product = |member: &'static str, value: Value| {
        move |document: &mut Value| document["components"]["schemas"]["NewProduct"]["properties"][member] = value.clone()
    };
    let schema = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (change, broken) in [
        (of_new_product("name", schema(r#"{"type":"string","minLength":2,"maxLength":255}"#)), vec!["minLength is 2"]),
        (of_new_product("name", schema(r#"{"type":"integer"}"#)), vec!["string is not accepted"]),
        (of_new_product("price", schema(r#"{"type":"number","minimum":1}"#)), vec!["minimum is 1"]),
    ] {
        let found = found(&change);
        assert!(broken.iter().all(|part| found.iter().any(|line| line.contains(part))), "{broken:?}: {found:?}");
    }
    let gone = found(&|document| drop(document["paths"].as_object_mut().unwrap().remove("/api/cart")));
    assert!(gone.contains(&"GET /api/cart is gone".to_owned()), "{gone:?}");
    let unread = found(&|document| {
        drop(document["components"]["schemas"]["Product"]["properties"].as_object_mut().unwrap().remove("price"))
    });
    assert!(unread.iter().any(|line| line.ends_with("answer products/price is gone")), "{unread:?}");
    let more = found(&|document| {
        document["components"]["schemas"]["NewProduct"]["required"].as_array_mut().unwrap().push("slug".into())
    });
    assert_eq!(more, ["POST /api/products body slug is required"]);
}

fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// What clients send: today must accept all of it.
    Sent,
    /// What clients read: today must not answer anything else.
    Answered,
}

struct Promises<'a> {
    before: &'a Value,
    today: &'a Value,
    broken: BTreeSet<String>,
    /// Pairs of schemas that were compared, because some contain themselves.
    seen: HashSet<(String, String, String)>,
}

impl<'a> Promises<'a> {
    fn compare(&mut self) {
        for (path, item) in self.before["paths"].as_object().unwrap() {
            for (method, before) in item.as_object().unwrap() {
                let at = format!("{} {path}", method.to_uppercase());
                match &self.today["paths"][path][method] {
                    Value::Null => self.broken(format!("{at} is gone")),
                    today => self.operation(&at, before, today),
                }
            }
        }
    }

    fn broken(&mut self, what: String) {
        self.broken.insert(what);
    }

    fn operation(&mut self, at: &str, before: &'a Value, today: &'a Value) {
        let key = |parameter: &Value| format!("{} {}", text(&parameter["in"]), text(&parameter["name"]));
        let (old, new) = (list(&before["parameters"]), list(&today["parameters"]));
        for parameter in old {
            match new.iter().find(|other| key(other) == key(parameter)) {
                None => self.broken(format!("{at} {} is gone", key(parameter))),
                Some(other) => {
                    self.schema(&format!("{at} {}", key(parameter)), &parameter["schema"], &other["schema"], Way::Sent)
                }
            }
        }
        for parameter in new.iter().filter(|parameter| parameter["required"] == true) {
            if !old.iter().any(|other| key(other) == key(parameter) && other["required"] == true) {
                self.broken(format!("{at} needs the {}", key(parameter)));
            }
        }
        let body = |operation: &'a Value| operation["requestBody"]["content"].as_object();
        for (kind, content) in body(before).into_iter().flatten() {
            match body(today).and_then(|contents| contents.get(kind)) {
                None => self.broken(format!("{at} {kind} is not accepted")),
                Some(other) => self.schema(&format!("{at} body"), &content["schema"], &other["schema"], Way::Sent),
            }
        }
        if today["requestBody"]["required"] == true && before["requestBody"]["required"] != true {
            self.broken(format!("{at} needs a body"));
        }
        for (status, response) in before["responses"].as_object().unwrap() {
            for (kind, content) in response["content"].as_object().unwrap_or(&Map::new()) {
                match &today["responses"][status]["content"][kind] {
                    Value::Null => self.broken(format!("{at} does not answer {status} {kind}")),
                    other => self.schema(&format!("{at} answer"), &content["schema"], &other["schema"], Way::Answered),
                }
            }
        }
    }

    fn schema(&mut self, at: &str, before: &Value, today: &Value, way: Way) {
        let names = (before.to_string(), today.to_string());
        let is_reference = before["$ref"].is_string() || today["$ref"].is_string();
        let operation = at.split(' ').take(3).collect::<Vec<_>>().join(" ");
        if is_reference && !self.seen.insert((operation, names.0, names.1)) {
            return;
        }
        let (old, new) = (alternatives(self.before, before), alternatives(self.today, today));
        // each of these must be one of those
        let (these, those, verb) = match way {
            Way::Sent => (&old, &new, "is not accepted"),
            Way::Answered => (&new, &old, "is answered now"),
        };
        for one in these {
            match those.iter().find(|other| kind(other) == kind(one) || kind(other) == "number" && kind(one) == "integer") {
                None => self.broken(format!("{at} {} {verb}", kind(one))),
                Some(other) => match way {
                    Way::Sent => self.one(at, one, other, way),
                    Way::Answered => self.one(at, other, one, way),
                },
            }
        }
    }

    fn one(&mut self, at: &str, before: &Value, today: &Value, way: Way) {
        let enumerated = |schema: &Value| schema["enum"].as_array().cloned();
        let (these, those) = match way {
            Way::Sent => (enumerated(before), enumerated(today)),
            Way::Answered => (enumerated(today), enumerated(before)),
        };
        match (these, those) {
            (Some(these), Some(those)) => {
                these.iter().filter(|value| !those.contains(value)).for_each(|value| self.broken(format!("{at} has {value}")));
            }
            (None, Some(_)) => self.broken(format!("{at} has few values")),
            _ => {}
        }
        if way == Way::Sent {
            for (limit, is_lowest) in [
                ("minimum", true),
                ("minLength", true),
                ("minItems", true),
                ("maximum", false),
                ("maxLength", false),
                ("maxItems", false),
            ] {
                let (old, new) = (before[limit].as_f64(), today[limit].as_f64());
                let is_narrower = new.is_some_and(|new| old.is_none_or(|old| if is_lowest { new > old } else { new < old }));
                // none is as good as the lowest length
                if is_narrower && !(is_lowest && limit != "minimum" && new == Some(0.0)) {
                    self.broken(format!("{at} {limit} is {}", today[limit]));
                }
            }
            if !today["pattern"].is_null() && before["pattern"] != today["pattern"] {
                self.broken(format!("{at} pattern is {}", today["pattern"]));
            }
        }
        if before["items"].is_object() {
            self.schema(at, &before["items"], &today["items"], way);
        }
        let required = |schema: &Value| list(&schema["required"]).iter().map(text).collect::<BTreeSet<_>>();
        let (old, new) = (required(before), required(today));
        for (name, member) in before["properties"].as_object().into_iter().flatten() {
            let at =
                if at.ends_with(" answer") || at.ends_with(" body") { format!("{at} {name}") } else { format!("{at}/{name}") };
            match &today["properties"][name] {
                Value::Null => self.broken(format!("{at} is gone")),
                other => {
                    if way == Way::Answered && old.contains(name) && !new.contains(name) {
                        self.broken(format!("{at} may be missing"));
                    }
                    self.schema(&at, member, other, way);
                }
            }
        }
        if way == Way::Sent {
            new.difference(&old).for_each(|name| self.broken(format!("{at} {name} is required")));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The type of a schema that is no choice.
fn kind(schema: &Value) -> String {
    match schema["type"].as_str() {
        Some(kind) => kind.to_owned(),
        None if schema["properties"].is_object() => "object".into(),
        None => "anything".into(),
    }
}

/// The schemas of which a value has one: behind references and choices, each of one type.
fn alternatives(document: &Value, schema: &Value) -> Vec<Value> {
    if let Some(to) = schema["$ref"].as_str() {
        let target = document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} is missing"));
        return alternatives(document, target);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(all) = schema[choice].as_array() {
            return all.iter().flat_map(|one| alternatives(document, one)).collect();
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // an object of several parts
        let mut whole = Map::new();
        for part in parts.iter().flat_map(|part| alternatives(document, part)) {
            for (name, value) in part.as_object().cloned().unwrap_or_default() {
                match (whole.get_mut(&name), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                    (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
                    (_, value) => drop(whole.insert(name, value)),
                }
            }
        }
        return vec![Value::Object(whole)];
    }
    match schema["type"].as_array() {
        None => vec![schema.clone()],
        Some(kinds) => kinds
            .iter()
            .map(|kind| {
                let mut one = schema.clone();
                one["type"] = kind.clone();
                one
            })
            .collect(),
    }
}
