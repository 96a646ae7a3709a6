//! `souk openapi`: generates the committed files: the OpenAPI documents from the traits, the AsyncAPI document from the types of
//! the events, and the table of modules in the README. `--check` compares them.

use crate::{
    asyncapi,
    modules::{self, Known},
};
use anyhow::{Context, bail};
use kernel::Access;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Writes `openapi/*.json`, or checks that they are up to date.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn write(check: bool) -> anyhow::Result<()> {
    let folder = Path::new("openapi");
    let documents = documents()?.into_iter().map(|(name, json)| (folder.join(format!("{name}.json")), json));
    let mut stale = Vec::new();
    for (path, text) in documents.chain(readme()) {
        if check {
            if fs::read_to_string(&path).unwrap_or_default() != text {
                stale.push(path.display().to_string());
            }
        } else {
            fs::create_dir_all(folder)?;
            fs::write(&path, text).with_context(|| path.display().to_string())?;
            println!("{}", path.display());
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {}; run `souk openapi`", stale.join(", "));
    }
    Ok(())
}

/// The README with its table of modules up to date, if there is a README with such a table.
fn readme() -> Option<(PathBuf, String)> {
    const BEGIN: &str = "<!-- modules: written by `souk openapi` -->\n";
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
    for Known { module, description, operations, listener, .. } in &contracts {
        let mut callers = BTreeSet::new();
        for op in operations.ops() {
            callers.extend(op.public.map(|_| "gateway"));
            if let Access::Modules(modules) = op.access {
                callers.extend(modules);
            }
        }
        let consumes = |known: &&Known| {
            listener.as_ref().is_some_and(|listener| known.events.iter().any(|event| listener.wants(event.name)))
        };
        let publishers = contracts.iter().filter(consumes).map(|known| known.module.name());
        let (name, port) = (module.name(), module.default_port());
        let callers = callers.into_iter().collect::<Vec<_>>().join(", ");
        let publishers = publishers.collect::<Vec<_>>().join(", ");
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
