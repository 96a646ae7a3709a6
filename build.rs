//! Generates the list of modules from the root's Cargo.toml, the only file that lists them: a module is a dependency and a
//! feature of the launcher.
//!
//! Writes `modules.rs` with the macro `for_modules!`. It lists each module after the modules that its own Cargo.toml depends on,
//! so that each can be started with the clients of the modules that it calls. If a module lacks a line in Cargo.toml, the build
//! fails and prints the line.
//!
//! Also tells the program the commit that it is built from.

use std::{collections::BTreeMap, env, error::Error, fmt::Write, fs, path::Path, process::Command};
use toml::{Table, Value};

/// Folders below `modules/` that are not modules of the shop.
const NOT_MODULES: [&str; 2] = ["kernel", "gateway"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=Cargo.toml");
    // changes when the workspace gets a new member
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rustc-env=BUILT_COMMIT={}", commit());
    let root = read("Cargo.toml")?;
    let mut modules = BTreeMap::new();
    for folder in fs::read_dir("modules")? {
        let folder = folder?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if NOT_MODULES.contains(&name.as_str()) {
            continue;
        }
        // not the whole folder: the launcher need not be built again for a module's tests
        println!("cargo::rerun-if-changed=modules/{name}/Cargo.toml");
        println!("cargo::rerun-if-changed=modules/{name}/src/api.rs");
        if !folder.join("src/api.rs").exists() {
            continue;
        }
        if let Some(missing) = missing_line(&root, &name) {
            println!("cargo::error=modules/{name} is not part of the shop yet. Add to Cargo.toml: {missing}");
            return Ok(());
        }
        let manifest = read(folder.join("Cargo.toml"))?;
        let dependencies = manifest["dependencies"].as_table().map(|d| d.keys().cloned().collect::<Vec<_>>());
        let description = manifest["package"].get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        modules.insert(name, (description, dependencies.unwrap_or_default()));
    }

    let mut rows = String::new();
    let mut done: Vec<&String> = Vec::new();
    while done.len() < modules.len() {
        let is_next = |(name, (_, dependencies)): &(&String, &(String, Vec<String>))| {
            !done.contains(name) && dependencies.iter().all(|d| !modules.contains_key(d) || done.contains(&d))
        };
        // cargo has refused circles already
        let (name, (description, _)) = modules.iter().find(is_next).ok_or("the modules depend on each other in a circle")?;
        let camel: String = name.split('_').map(capitalised).collect();
        writeln!(rows, "    {name} {name:?} {camel} {camel}Client {description:?};")?;
        done.push(name);
    }
    let text = format!("macro_rules! for_modules {{\n    ($callback:ident) => {{ $callback! {{\n{rows}    }} }};\n}}\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("modules.rs"), text)?;
    Ok(())
}

/// The commit that is built: SOUK_COMMIT where there is no repository, such as in an image, otherwise the one that git names.
fn commit() -> String {
    println!("cargo::rerun-if-env-changed=SOUK_COMMIT");
    let given = env::var("SOUK_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| {
        // grows with each commit and checkout; a file that is missing would be built for again each time
        let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists())?;
        println!("cargo::rerun-if-changed={log}");
        git(&["rev-parse", "HEAD"])
    });
    commit.unwrap_or_else(|| "unknown".into())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The first line that is missing in Cargo.toml for a module.
fn missing_line(root: &Table, name: &str) -> Option<String> {
    let dependency = format!("[dependencies] {name} = {{ path = \"modules/{name}\", default-features = false }}");
    let feature = format!("[features] {name} = [\"store\", \"{name}/server\"]");
    let default = format!("[features] default = [\"{name}\", ..]");
    let has_dependency = root["dependencies"].get(name).is_some();
    let has_feature = root["features"].get(name).is_some();
    let defaults = root["features"]["default"].as_array();
    let has_default = defaults.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)));
    [(has_dependency, dependency), (has_feature, feature), (has_default, default)]
        .into_iter()
        .find(|(has, _)| !has)
        .map(|(_, line)| line)
}

fn read(path: impl AsRef<Path>) -> Result<Table, Box<dyn Error>> {
    Ok(fs::read_to_string(path)?.parse()?)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
