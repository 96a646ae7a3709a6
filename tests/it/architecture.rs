//! House rules about who may depend on whom, checked against what cargo says.

use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// Which modules each module may call: through the contracts, never through the implementations.
const CALLS: &[(&str, &[&str])] = &[
    ("product", &[]),
    ("user", &[]),
    ("payment", &[]),
    ("cart", &["product"]),
    ("order", &["cart", "payment", "product", "user"]),
    // they call nobody: notification knows the events of those that it listens to
    ("notification", &["order", "payment", "user"]),
    // it is handed the others without knowing them
    ("gateway", &["user"]),
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn modules_call_only_whom_they_may() {
    let packages = packages();
    for (module, allowed) in CALLS {
        let package = packages.iter().find(|package| package["name"] == *module).unwrap();
        let dependencies = package["dependencies"].as_array().unwrap();
        let others: BTreeSet<&str> = dependencies
            .iter()
            .filter(|d| d["kind"].is_null())
            .filter_map(|d| d["name"].as_str())
            .filter(|name| CALLS.iter().any(|(module, _)| module == name))
            .collect();
        assert_eq!(others, allowed.iter().copied().collect(), "{module}");
        for dependency in dependencies.iter().filter(|d| d["kind"].is_null() && others.contains(d["name"].as_str().unwrap())) {
            assert_eq!(dependency["uses_default_features"], false, "{module} must use the contract of {}", dependency["name"]);
            assert_eq!(dependency["features"], serde_json::json!([]), "{module} must use the contract of {}", dependency["name"]);
        }
    }
}

#[test]
fn the_kernel_knows_no_module() {
    let packages = packages();
    for kernel in ["kernel", "kernel-macros"] {
        let package = packages.iter().find(|package| package["name"] == kernel).unwrap();
        let names = package["dependencies"].as_array().unwrap().iter().filter_map(|d| d["name"].as_str());
        let modules: Vec<&str> = names.filter(|name| CALLS.iter().any(|(module, _)| module == name)).collect();
        assert!(modules.is_empty(), "{kernel} depends on {modules:?}");
    }
}

#[test]
fn only_stores_and_entities_know_tables() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("modules");
    for (module, _) in CALLS {
        for file in std::fs::read_dir(root.join(module).join("src")).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() || path.file_name().is_some_and(|name| name == "store.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for query in ["Entity::find", "Entity::insert", "Entity::update", "Entity::delete", "raw_sql", "execute_unprepared"] {
                assert!(!text.contains(query), "{} has a query: it belongs in store.rs", path.display());
            }
        }
    }
}

/// A type that a module forgets to list would be told, and found in no document.
#[test]
fn every_event_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document: Value = serde_json::from_slice(&fs::read(root.join("openapi/asyncapi.json")).unwrap()).unwrap();
    let documented: BTreeSet<&str> = document["channels"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut defined = BTreeSet::new();
    for (module, _) in CALLS {
        let Ok(source) = fs::read_to_string(root.join(format!("modules/{module}/src/events.rs"))) else { continue };
        let texts = source.split('"').skip(1).step_by(2);
        defined.extend(texts.filter(|text| text.starts_with(&format!("{module}."))).map(str::to_owned));
    }
    assert_eq!(documented, defined.iter().map(String::as_str).collect());
    let takers = document["operations"].as_object().unwrap().values().filter(|operation| operation["action"] == "receive");
    assert!(takers.count() >= documented.len(), "notification takes all of them");
}
