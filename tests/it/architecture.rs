//! House rules about who may depend on whom: crates as cargo knows them, and files as they are written.

mod imports;
mod layers;

use crate::harness::modules;
use imports::{Crate, circles};
use layers::Layer;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The features that each dependency is built with for a selection of members, as cargo plans it. The plan is an unstable output of the
/// pinned cargo.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "-Z", "unstable-options", "--unit-graph", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .args(selection)
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut features = BTreeMap::<_, BTreeSet<_>>::new();
    for unit in plan["units"].as_array().unwrap() {
        let id = unit["pkg_id"].as_str().unwrap();
        if unit["mode"] == "build" && unit["target"]["kind"] != serde_json::json!(["custom-build"]) && !id.contains("path+file") {
            let of_package = features.entry(format!("{id} at optimization {}", unit["profile"]["opt_level"])).or_default();
            of_package.insert(unit["features"].to_string());
        }
    }
    features
}

/// `cargo run`, then `cargo test -p product`, then `--workspace`: no dependency is compiled twice.
#[test]
fn every_selection_of_members_builds_the_dependencies_alike() {
    let all = features(&["--workspace", "--all-targets"]);
    assert!(all.len() > 400, "only {} dependencies in the plan", all.len());
    let packages = packages();
    // that package has nothing to build
    let members = packages.iter().map(|package| package["name"].as_str().unwrap()).filter(|name| *name != "workspace-hack");
    let tests_of = members.map(|member| vec!["--tests", "-p", member]);
    let mut again = Vec::new();
    for selection in std::iter::once(vec![]).chain(tests_of) {
        for (package, variants) in features(&selection) {
            let known = all.get(&package).cloned().unwrap_or_default();
            again.extend(variants.difference(&known).map(|features| format!("{selection:?}: {package} with {features}")));
        }
    }
    assert!(again.is_empty(), "name the missing features in modules/kernel/workspace-hack:\n{}", again.join("\n"));
}

/// The dependencies of a package that are modules, or the gateway.
fn modules_known_to<'a>(packages: &'a [Value], name: &str) -> Vec<&'a Value> {
    let package = packages.iter().find(|package| package["name"] == name).unwrap_or_else(|| panic!("there is no package {name}"));
    let dependencies = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
    let is_module = |name: &str| name == "gateway" || modules().iter().any(|module| module == name);
    dependencies.filter(|d| is_module(d["name"].as_str().unwrap())).collect()
}

/// Tests take the list of modules from the shop, so a folder that the launcher does not list would be in none of them.
#[test]
fn every_folder_with_a_contract_is_a_module_of_the_shop() {
    let folders =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("modules")).unwrap().map(|folder| folder.unwrap().path());
    let with_contract = folders.filter(|folder| folder.join("src/api.rs").exists());
    let names: BTreeSet<String> = with_contract.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(names.len() >= 6);
    assert_eq!(names, modules().iter().cloned().collect());
}

#[test]
fn modules_depend_only_on_contracts_of_others() {
    let packages = packages();
    for module in modules().iter().map(String::as_str).chain(["gateway"]) {
        for dependency in modules_known_to(&packages, module) {
            let name = dependency["name"].as_str().unwrap();
            assert_ne!(name, "gateway", "{module} depends on the gateway");
            assert_eq!(dependency["uses_default_features"], false, "{module}: {name} needs default-features = false");
            assert_eq!(dependency["features"], serde_json::json!([]), "{module} must not depend on the implementation of {name}");
        }
    }
}

#[test]
fn the_kernel_depends_on_no_module() {
    let packages = packages();
    for kernel in ["kernel", "kernel-macros"] {
        let known: Vec<_> = modules_known_to(&packages, kernel).iter().map(|dependency| dependency["name"].clone()).collect();
        assert!(known.is_empty(), "{kernel} depends on {known:?}");
    }
}

/// All source files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn only_stores_and_entities_use_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules");
    let mut stores = 0;
    for module in modules() {
        let source = root.join(module).join("src");
        for path in sources(&source) {
            let inner = path.strip_prefix(&source).unwrap();
            if inner.starts_with("store.rs") || inner.starts_with("store") || inner.starts_with("entity") {
                stores += 1;
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for query in ["Entity::find", "Entity::insert", "Entity::update", "Entity::delete", "raw_sql", "execute_unprepared"] {
                assert!(!text.contains(query), "{} has a query: it belongs in store.rs", path.display());
            }
        }
    }
    assert!(stores >= modules().len(), "only {stores} files of stores were found");
}

/// The folder of the sources of a crate.
fn source_of(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if name == "souk" { root.join("src") } else { root.join("modules").join(name).join("src") }
}

/// Tables outside the stores and entities of a module, and rules or views that are asynchronous.
fn misplaced_tables(layers: &BTreeMap<PathBuf, Layer>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, layer) in layers {
        let forbidden: &[&str] = match layer {
            Layer::Store | Layer::Entity => continue,
            Layer::Pure => &["sea_orm", "ActiveModel", "async "],
            _ => &["sea_orm", "ActiveModel"],
        };
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let words = forbidden.iter().filter(|word| text.contains(**word));
        found.extend(words.map(|word| format!("{} has {word:?}, which belongs in a store", path.display())));
    }
    found
}

#[test]
fn imports_between_files_have_no_circle_and_point_down() {
    let mut wrong = Vec::new();
    for name in modules().iter().map(String::as_str).chain(["gateway", "kernel", "souk"]) {
        let source = source_of(name);
        let read = Crate::read(&source.join(if name == "souk" { "main.rs" } else { "lib.rs" }));
        let imports = read.imports();
        let mut found = Vec::new();
        for circle in circles(&imports) {
            let lines: Vec<String> = circle.iter().map(|import| format!("\n    {import}")).collect();
            found.push(format!("a circle:{}", lines.concat()));
        }
        if modules().iter().any(|module| module == name) {
            let layers = layers::layers(&source, &read, &imports);
            found.extend(layers::upward(&layers, &imports));
            found.extend(misplaced_tables(&layers));
        }
        wrong.extend(found.iter().map(|one| format!("{name}: {one}")));
    }
    let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n").replace(&root, ""));
}

/// An event that a module forgets to list would be published, but in no document.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[test]
fn every_event_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document: Value = serde_json::from_slice(&fs::read(root.join("openapi/asyncapi.json")).unwrap()).unwrap();
    let documented: BTreeSet<&str> = document["channels"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut defined = BTreeSet::new();
    for module in modules() {
        let Ok(source) = fs::read_to_string(root.join(format!("modules/{module}/src/events.rs"))) else { continue };
        let texts = source.split('"').skip(1).step_by(2);
        // two words, of which the first says what happened to: mostly to what the module is called after
        let is_event = |text: &&str| text.split_once('.').is_some_and(|(of, what)| [of, what].iter().all(|word| is_word(word)));
        defined.extend(texts.filter(is_event).map(str::to_owned));
    }
    assert_eq!(documented, defined.iter().map(String::as_str).collect());
    let handled = document["operations"].as_object().unwrap().values().filter(|operation| operation["action"] == "receive");
    assert!(handled.count() >= documented.len(), "notification handles all of them");
}
