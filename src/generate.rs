//! `souk generate`: the committed files that follow from the modules: the OpenAPI documents from the traits, the AsyncAPI document
//! from the types of the events, the table of modules in the README, and the files for Compose, Kubernetes and Prometheus.
//! `--check` compares them.

mod asyncapi;
mod deployment;

use crate::modules::{self, Known};
use anyhow::{Context, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Writes the files below the current folder, or checks that they are up to date.
///
/// # Errors
/// When a file cannot be written, a template cannot be rendered, or a file is not up to date.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn write(check: bool) -> anyhow::Result<()> {
    let folder = Path::new("openapi");
    let documents = documents()?.into_iter().map(|(name, json)| (folder.join(format!("{name}.json")), json));
    let mut stale = Vec::new();
    for (path, text) in documents.chain(readme()).chain(deployment::files()?) {
        if check {
            if fs::read_to_string(&path).unwrap_or_default() != text {
                stale.push(path.display().to_string());
            }
        } else {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, text).with_context(|| path.display().to_string())?;
            println!("{}", path.display());
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {}; run `souk generate`", stale.join(", "));
    }
    Ok(())
}

/// The README with its table of modules up to date, if there is a README with such a table.
fn readme() -> Option<(PathBuf, String)> {
    const BEGIN: &str = "<!-- modules: written by `souk generate` -->\n";
    const END: &str = "<!-- end of modules -->\n";
    let path = PathBuf::from("README.md");
    let text = fs::read_to_string(&path).ok()?;
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some((path, format!("{before}{BEGIN}{}{END}{after}", table())))
}

fn table() -> String {
    let contracts = modules::contracts();
    let mut table = String::from(
        "| module | what it is | alone on port | has operations for | consumes events of |\n|---|---|---|---|---|\n",
    );
    for known in &contracts {
        let Known { module, description, .. } = known;
        let (name, port) = (module.name(), module.default_port());
        let callers = known.callers().into_iter().collect::<Vec<_>>().join(", ");
        let publishers = known.publishers(&contracts).collect::<Vec<_>>().join(", ");
        table += &format!("| [{name}](modules/{name}/README.md) | {description} | {port} | {callers} | {publishers} |\n");
    }
    table
}

/// All documents, as name and text.
fn documents() -> anyhow::Result<Vec<(&'static str, String)>> {
    let contracts = modules::contracts();
    let documents = contracts.iter().map(|known| (known.module.name(), known.operations.openapi()));
    #[cfg(feature = "gateway")]
    let documents = {
        let modules: Vec<_> = contracts.iter().map(|known| known.operations.clone()).collect();
        documents.chain([("gateway", gateway::openapi(&modules))])
    };
    let (types, listeners): (Vec<_>, Vec<_>) =
        contracts.iter().map(|known| (known.events.clone(), known.listener.clone())).unzip();
    let listeners: Vec<_> = listeners.into_iter().flatten().collect();
    let events = asyncapi::document(&types.concat(), &listeners)?;
    let events = Ok(("asyncapi", serde_json::to_string_pretty(&events)? + "\n"));
    documents.map(|(name, document)| Ok((name, document.to_pretty_json()? + "\n"))).chain([events]).collect()
}
