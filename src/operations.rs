//! `souk version`, `souk modules` and `souk operations`: lists for people and scripts.

use crate::modules::{Module, contracts};
use kernel::{Access, Op, Retry};
use serde_json::{Value, json};

/// The version, the commit and the compiled-in modules, in one line each.
#[expect(clippy::print_stdout, clippy::unnecessary_wraps, reason = "the output of the command, which is one of many")]
pub(crate) fn print_version() -> anyhow::Result<()> {
    let compiled_in: Vec<&str> =
        Module::ALL.iter().filter(|module| module.is_compiled_in()).map(|module| module.name()).collect();
    println!("souk {}\ncommit {}\nmodules {}", env!("CARGO_PKG_VERSION"), env!("BUILT_COMMIT"), compiled_in.join(" "));
    Ok(())
}

/// One line for each module.
#[expect(clippy::print_stdout, clippy::unnecessary_wraps, reason = "the output of the command, which is one of many")]
pub(crate) fn print_modules() -> anyhow::Result<()> {
    for module in Module::ALL {
        let state = if module.is_compiled_in() { "compiled-in" } else { "contract-only" };
        println!("{} {} {state}", module.name(), module.default_port());
    }
    Ok(())
}

/// A list of objects, in the order of the traits.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn print() -> anyhow::Result<()> {
    let contracts = contracts();
    let operations: Vec<Value> = contracts.iter().flat_map(|known| known.operations.ops()).map(describe).collect();
    println!("{}", serde_json::to_string_pretty(&operations)?);
    Ok(())
}

fn describe(op: &Op) -> Value {
    let access = match op.access {
        Access::Anyone => json!("anyone"),
        Access::User => json!("user"),
        Access::Role(role) => json!({ "role": role }),
        Access::Modules(modules) => json!({ "modules": modules }),
    };
    let retry = match op.retry {
        Retry::Safe => "safe",
        Retry::Key => "key",
        Retry::Never => "never",
    };
    json!({
        "id": op.id,
        "module": op.module,
        "method": op.method.as_str(),
        "path": op.path,
        "public": op.public,
        "access": access,
        "retry": retry,
        "rate": op.rate.map(|rate| json!({ "count": rate.count, "seconds": rate.window.as_secs() })),
        "status": op.status,
        "upload": op.upload.map(|accepts| json!({ "media_types": accepts.media_types, "max": accepts.max })),
        "download": op.download,
        "within_seconds": op.within.map(|within| within.as_secs()),
        "errors": op.errors.iter().map(|kind| kind.name).collect::<Vec<_>>(),
    })
}
