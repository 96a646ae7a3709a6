//! `souk openapi`: the OpenAPI documents, generated from the traits, committed, and checked for being so.

use crate::assembly;
use anyhow::{Context, bail};
use std::{fs, path::Path};
use utoipa::openapi::OpenApi;

/// Writes `openapi/*.json`, or checks that they are what would be written.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn write(check: bool) -> anyhow::Result<()> {
    let folder = Path::new("openapi");
    let mut stale = Vec::new();
    for (name, document) in documents()? {
        let path = folder.join(format!("{name}.json"));
        let json = document.to_pretty_json()? + "\n";
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

fn documents() -> anyhow::Result<Vec<(&'static str, OpenApi)>> {
    let contracts = assembly::contracts();
    let documents = contracts.iter().map(|(module, contract)| (module.name(), contract.openapi()));
    #[cfg(feature = "gateway")]
    let documents = {
        let modules: Vec<_> = contracts.iter().map(|(_, contract)| contract.clone()).collect();
        documents.chain([("gateway", gateway::openapi(&modules))])
    };
    Ok(documents.collect())
}
