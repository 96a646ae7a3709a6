//! The document says what is served, and the page can be used.

use crate::harness::{Users, get, modules, shop};
use gateway::{Config, Limiting};
use kernel::{Access, Dispatch, Method};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use user::UserClient;

fn all() -> Vec<Arc<dyn Dispatch>> {
    modules(&UserClient::local(Users::default()))
}

fn document() -> Value {
    serde_json::to_value(gateway::openapi(&all())).unwrap()
}

fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
    });
    operations.collect()
}

#[test]
fn schemas_of_one_name_are_one_schema() {
    let mut seen: BTreeMap<String, (&str, Value)> = BTreeMap::new();
    for module in all() {
        let name = module.ops()[0].module;
        let document = serde_json::to_value(module.openapi()).unwrap();
        for (schema, content) in document["components"]["schemas"].as_object().unwrap() {
            if let Some((other, first)) = seen.get(schema) {
                assert_eq!(first, content, "{schema} is another thing in {other} than in {name}");
            }
            seen.insert(schema.clone(), (name, content.clone()));
        }
    }
    assert!(seen.len() > 20);
}

#[test]
fn served_and_documented_operations_are_the_same() {
    let document = document();
    let mut documented: Vec<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let modules = all();
    let ops =
        modules.iter().flat_map(|module| module.ops()).filter_map(|op| Some(format!("{} {}", op.method.as_str(), op.public?)));
    let own = ["/health", "/livez", "/openapi.json"].map(|path| format!("GET {path}"));
    let mut served: Vec<String> = ops.chain(own).collect();
    served.sort();
    documented.sort();
    assert_eq!(documented, served);
}

#[actix_web::test]
async fn own_routes_of_the_document_are_served() {
    let shop = shop(&Config { limits: Limiting::Off, ..Config::default() });
    for path in ["/health", "/livez", "/openapi.json"] {
        assert_eq!(shop.get(path).await.status, 200, "{path}");
    }
    assert_eq!(serde_json::to_value(shop.gateway.openapi()).unwrap(), document());
}

#[actix_web::test]
async fn all_operations_are_reachable() {
    // 401 or 400 or 503, but never "not found": no path hides another
    let shop = shop(&Config { limits: Limiting::Off, ..Config::default() });
    for op in modules(&UserClient::local(shop.users.clone())).iter().flat_map(|module| module.ops()) {
        let Some(path) = op.public else { continue };
        let path =
            path.split('/').map(|segment| if segment.starts_with('{') { "1" } else { segment }).collect::<Vec<_>>().join("/");
        let method = match op.method {
            Method::Get => actix_web::http::Method::GET,
            Method::Post => actix_web::http::Method::POST,
            Method::Put => actix_web::http::Method::PUT,
            Method::Patch => actix_web::http::Method::PATCH,
            Method::Delete => actix_web::http::Method::DELETE,
        };
        let answer = shop.send(get(&path).method(method)).await;
        let expected: &[u16] = if op.access == Access::Anyone { &[200, 400, 503] } else { &[401] };
        assert!(expected.contains(&answer.status.as_u16()), "{}: {} at {path}", op.id, answer.status);
    }
    // the order module's, not payment `process` of the payment module
    let pay = get("/api/payments/process").method(actix_web::http::Method::POST);
    assert_eq!(shop.send(pay).await.status, 401);
}

#[test]
fn the_document_is_complete() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["servers"][0]["url"], "/");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let tags: Vec<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    assert_eq!(tags[0], "auth");
    assert!(document["tags"].as_array().unwrap().iter().all(|tag| tag["description"].is_string()));

    let mut ids = Vec::new();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        assert!(tags.contains(&operation["tags"][0].as_str().unwrap()), "{name}");
        ids.push(operation["operationId"].as_str().unwrap().to_owned());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "an operation id is used twice");
    for module in all() {
        for op in module.ops().iter().filter(|op| op.public.is_some()) {
            let method = op.method.as_str().to_lowercase();
            let operation = &document["paths"][op.public.unwrap()][&method];
            assert_eq!(operation["security"].is_array(), op.access != Access::Anyone, "{}", op.id);
        }
    }
}

#[test]
fn the_document_has_the_schemas_that_it_uses_and_no_others() {
    let document = document();
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is not used");
    }
    for used in text.split("\"#/components/schemas/").skip(1) {
        let name = used.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is missing");
    }
    assert!(!schemas.contains_key("HoldRequest") && !schemas.contains_key("RevokedSessions"), "internal types");
}

#[actix_web::test]
async fn the_page_works_offline() {
    let shop = shop(&Config::default());
    let moved = shop.get("/docs").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, Some("/docs/")));

    let page = shop.get("/docs/").await;
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self';")
            && policy.contains("default-src 'none'")
            && policy.contains("frame-ancestors 'none'")
    );
    // nothing that the policy forbids: no script in the page, nothing from elsewhere
    for script in html.split("<script").skip(1) {
        assert!(
            script.contains("src=") && script.split('>').nth(1).is_some_and(|rest| rest.trim().starts_with("</script")),
            "{script}"
        );
    }
    for from in html.split("src=\"").skip(1).chain(html.split("href=\"").skip(1)).filter_map(|rest| rest.split('"').next()) {
        assert!(!from.contains("//"), "{from}");
        if let Some(name) = from.strip_prefix("./") {
            let file = shop.get(&format!("/docs/{name}")).await;
            assert_eq!(file.status, 200, "{from}");
        }
    }
    let start = shop.get("/docs/swagger-initializer.js").await;
    let script = String::from_utf8(start.body).unwrap();
    assert!(script.contains("/openapi.json") && script.contains("\"persistAuthorization\": false"), "{script}");

    let off = crate::harness::shop(&Config { swagger: false, ..Config::default() });
    for path in ["/docs", "/docs/", "/docs/swagger-initializer.js", "/openapi.json"] {
        assert_eq!(off.get(path).await.problem(), "not_found", "{path}");
    }
}

/// Every page that the one at `/` links to is served, and it says nothing of one that is not.
#[actix_web::test]
async fn the_first_page_says_where_to_go() {
    let contact = String::from("mailto:security@shop.example");
    let all = Config { security_contact: contact, ..Config::default() };
    let none = Config { swagger: false, mailbox: false, ..Config::default() };
    for (config, count) in [(all, 5), (none, 1)] {
        let shop = crate::harness::shop(&config);
        let page = shop.get("/").await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let html = String::from_utf8(page.body).unwrap();
        let links: Vec<&str> = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(links.len(), count, "{html}");
        for link in links {
            assert_ne!(shop.get(link).await.status, 404, "{link}");
        }
    }
}

#[actix_web::test]
async fn large_documents_are_compressed() {
    let shop = shop(&Config::default());
    let plain = shop.get("/openapi.json").await;
    let packed = shop.send(get("/openapi.json").insert_header(("accept-encoding", "gzip"))).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 2);
}
