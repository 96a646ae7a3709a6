//! `souk openapi`: the OpenAPI documents, generated from the traits, and the AsyncAPI document, generated from the types of the
//! events; committed, and checked for being so.

use crate::{assembly, asyncapi};
use anyhow::{Context, bail};
use std::{fs, path::Path};

/// Writes `openapi/*.json`, or checks that they are what would be written.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn write(check: bool) -> anyhow::Result<()> {
    let folder = Path::new("openapi");
    let mut stale = Vec::new();
    for (name, json) in documents()? {
        let path = folder.join(format!("{name}.json"));
        if check {
            if fs::read_to_string(&path).unwrap_or_default() != json {
                stale.push(path.display().to_string());
            }
        } else {
            fs::create_dir_all(folder)?;
            fs::write(&path, json).with_context(|| path.display().to_string())?;
            println!("{}", path.display());
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {}; run `souk openapi`", stale.join(", "));
    }
    Ok(())
}

/// Each document by its name, as it is written.
fn documents() -> anyhow::Result<Vec<(&'static str, String)>> {
    let contracts = assembly::contracts();
    let documents = contracts.iter().map(|(module, contract)| (module.name(), contract.openapi()));
    #[cfg(feature = "gateway")]
    let documents = {
        let modules: Vec<_> = contracts.iter().map(|(_, contract)| contract.clone()).collect();
        documents.chain([("gateway", gateway::openapi(&modules))])
    };
    let events = asyncapi::document(&assembly::event_types(), &assembly::listening())?;
    let events = Ok(("asyncapi", serde_json::to_string_pretty(&events)? + "\n"));
    documents.map(|(name, document)| Ok((name, document.to_pretty_json()? + "\n"))).chain([events]).collect()
}
