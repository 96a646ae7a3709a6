//! The promises of the committed document to authors of clients. A test in `settings.rs` checks that it is up to date.

use crate::harness;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

fn document() -> Value {
    serde_json::from_str(&fs::read_to_string("openapi/gateway.json").unwrap()).unwrap()
}

/// Method, path and operation of all operations of modules.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    });
    operations.filter(|(.., operation)| !operation["operationId"].as_str().unwrap().starts_with("gateway_"))
}

/// The failures of an operation.
fn failures(operation: &Value) -> impl Iterator<Item = (u16, &Value)> {
    let responses = operation["responses"].as_object().unwrap().iter();
    responses.map(|(status, response)| (status.parse().unwrap(), response)).filter(|(status, _)| *status >= 400)
}

/// The schema behind a reference.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(to) => document.pointer(to.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{to} is missing")),
        None => schema,
    }
}

/// The kinds of problems that a response can be: `code` and schema.
fn kinds<'a>(document: &'a Value, response: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let schema = &response["content"]["application/problem+json"]["schema"];
    let one = std::slice::from_ref(schema);
    let kinds = schema["oneOf"].as_array().map_or(one, Vec::as_slice).iter().map(|kind| {
        let kind = &resolve(document, kind)["allOf"];
        assert_eq!(resolve(document, &kind[0])["properties"]["code"]["type"], "string");
        let codes = kind[1]["properties"]["code"]["enum"].as_array().unwrap();
        assert_eq!(codes.len(), 1);
        (codes[0].as_str().unwrap(), &kind[1])
    });
    kinds.collect()
}

#[test]
fn every_failure_lists_its_codes() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        for (status, response) in failures(operation) {
            let kinds = kinds(&document, response);
            assert!(!kinds.is_empty(), "{method} {path} {status}");
            for (code, kind) in kinds {
                assert_eq!(kind["properties"]["status"]["enum"], json!([status]), "{method} {path} {code}");
                assert!(response["description"].as_str().unwrap().contains(&format!("`{code}`")), "{method} {path} {code}");
                seen.insert(code.to_owned());
            }
            let header = |name: &str| response["headers"][name].is_object();
            assert_eq!(header("WWW-Authenticate"), status == 401, "{method} {path} {status}");
            assert!(header("Retry-After") || ![429, 503].contains(&status), "{method} {path} {status}");
        }
    }
    for op in harness::operations().iter().filter(|op| op.public.is_some()) {
        for code in &op.errors {
            assert!(seen.contains(code), "{code} of {} is not in the document", op.id);
        }
    }
    assert!(!seen.contains("token_refused"), "modules answer this only to each other");
}

#[test]
fn details_have_schemas() {
    let document = document();
    let details = |path: &str, method: &str, status: &str, code: &str| {
        let kinds = kinds(&document, &document["paths"][path][method]["responses"][status]);
        let (_, kind) = kinds.into_iter().find(|(found, _)| *found == code).unwrap_or_else(|| panic!("{code}"));
        assert_eq!(kind["required"], json!(["details"]), "{code}");
        kind["properties"]["details"]["properties"].clone()
    };
    let lines = |schema: &Value| schema["lines"]["items"]["$ref"].clone();
    assert_eq!(lines(&details("/api/orders", "post", "409", "order.out_of_stock")), "#/components/schemas/Shortage");
    assert_eq!(lines(&details("/api/orders", "post", "409", "order.price_changed")), "#/components/schemas/PriceChange");
    let state = details("/api/orders/{id}/cancel", "post", "409", "order.illegal_state");
    assert_eq!(state["status"]["$ref"], "#/components/schemas/OrderStatus");
    assert_eq!(details("/api/payments/process", "post", "402", "order.declined")["reason"]["type"], "string");
    let missing = details("/api/cart/items", "post", "400", "cart.insufficient_stock");
    assert_eq!((&missing["requested"]["type"], &missing["available"]["type"]), (&json!("integer"), &json!("integer")));
    for schema in ["Shortage", "PriceChange", "OrderStatus"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

#[test]
fn reads_document_no_failures_of_writes() {
    let document = document();
    for (_, path, operation) in operations(&document).filter(|(method, ..)| *method == "get") {
        for (status, _) in failures(operation) {
            assert!(![402, 409, 413, 415, 422].contains(&status), "GET {path} documents {status}");
        }
    }
    let statuses = |path: &str, method: &str| {
        let statuses = document["paths"][path][method]["responses"].as_object().unwrap().keys().cloned();
        statuses.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/api/products", "get"), "200 400 401 403 429 500 503 504");
    // logging out does not check the access token
    assert_eq!(statuses("/api/auth/logout", "post"), "204 400 413 415 429 500 503 504");
    assert_eq!(statuses("/api/products", "post"), "201 400 401 403 409 413 415 422 429 500 503 504");
}

/// The compiler checks the types of queries and bodies; this test also checks the types inside them.
#[test]
fn bodies_refuse_unknown_fields_at_every_depth() {
    fn check(document: &Value, schema: &Value, at: &str) {
        let schema = resolve(document, schema);
        for part in ["oneOf", "allOf", "anyOf"] {
            for schema in schema[part].as_array().into_iter().flatten() {
                check(document, schema, at);
            }
        }
        if schema["items"].is_object() {
            check(document, &schema["items"], &format!("{at}[]"));
        }
        if schema["additionalProperties"].is_object() {
            check(document, &schema["additionalProperties"], &format!("{at}{{}}"));
        }
        if let Some(members) = schema["properties"].as_object() {
            assert_eq!(schema["additionalProperties"], false, "{at} accepts unknown fields");
            for (name, member) in members {
                check(document, member, &format!("{at}/{name}"));
            }
        }
    }
    let document = document();
    let is_json = |operation: &Value| operation["requestBody"]["content"]["application/json"].is_object();
    let bodies = operations(&document).filter(|(.., operation)| is_json(operation));
    let mut count = 0;
    for (method, path, operation) in bodies {
        check(&document, &operation["requestBody"]["content"]["application/json"]["schema"], &format!("{method} {path}: "));
        count += 1;
    }
    assert!(count >= 20, "{count}");
}
