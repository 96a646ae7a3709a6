//! The files for Compose, Kubernetes and Prometheus that list modules, rendered from `deploy/templates`.
//!
//! A template has the path of its file; where that has a folder `{module}`, there is a file for each module and for the gateway.

use crate::{
    config,
    modules::{self, Module},
};
use anyhow::{Context, anyhow};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const TEMPLATES: &str = "deploy/templates";
const EACH: &str = "{module}";

/// A process of the shop when every module has its own, as the templates see it.
#[derive(Serialize)]
struct Process {
    name: &'static str,
    port: u16,
    /// The names of those that may call it, direct delivery of events included.
    callers: BTreeSet<&'static str>,
    /// Those that it may call.
    callees: Vec<Callee>,
    /// Whether it publishes or consumes events.
    has_events: bool,
    /// The variable that sets the URL of its store.
    url_variable: String,
}

#[derive(Serialize)]
struct Callee {
    name: &'static str,
    port: u16,
}

/// What a template can name.
#[derive(Serialize)]
struct OfAll<'a> {
    modules: Vec<&'a Process>,
    /// The modules and the gateway.
    processes: &'a [Process],
}

/// What a template that is rendered for each process can name.
#[derive(Serialize)]
struct OfEach<'a> {
    process: &'a Process,
}

/// All files, as path and text; none where there are no templates, and from a binary that lacks a module.
pub(super) fn files() -> anyhow::Result<Vec<(PathBuf, String)>> {
    // who calls whom is known of modules that are compiled in
    if Module::ALL.iter().any(|module| !module.is_compiled_in()) {
        return Ok(Vec::new());
    }
    let processes = processes();
    let modules = processes.iter().filter(|process| process.name != Module::Gateway.name()).collect();
    let all = OfAll { modules, processes: &processes };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // tags on lines of their own leave nothing behind
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let mut files = Vec::new();
    for template in templates(Path::new(TEMPLATES))? {
        let path = template.strip_prefix(TEMPLATES)?.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", template.display()))?;
        let text = fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let text = environment.template_from_named_str(path, &text)?;
        if path.contains(EACH) {
            for process in &processes {
                files.push((path.replace(EACH, process.name).into(), text.render(Serde(OfEach { process }))?));
            }
        } else {
            files.push((path.into(), text.render(Serde(&all))?));
        }
    }
    Ok(files)
}

/// The files below a folder that may be missing.
fn templates(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(templates(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn processes() -> Vec<Process> {
    let contracts = modules::contracts();
    let (calls, deliveries) = (modules::calls(&contracts), modules::deliveries(&contracts));
    let process = |module: Module| Process {
        name: module.name(),
        port: module.default_port(),
        callers: calls.iter().filter(|(_, callee)| *callee == module.name()).map(|(caller, _)| *caller).collect(),
        callees: Module::without_gateway()
            .filter(|callee| calls.contains(&(module.name(), callee.name())))
            .map(|callee| Callee { name: callee.name(), port: callee.default_port() })
            .collect(),
        has_events: deliveries.iter().any(|(publisher, listener)| [*publisher, *listener].contains(&module.name())),
        url_variable: config::url_variable(module),
    };
    Module::ALL.iter().map(|module| process(*module)).collect()
}
