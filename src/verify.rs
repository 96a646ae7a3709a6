//! `souk verify`: looks for what does not add up in the stores of this shop, while it is running or not.

use crate::{
    config::{Place, Settings},
    modules::{self, Known, Module, for_modules},
};
use anyhow::anyhow;
use kernel::{
    Listener,
    module::Verified,
    verify::{Book, Finding, compare},
};
use std::process::ExitCode;

/// What was found out about the stores of the local modules.
struct Report {
    modules: Vec<(&'static str, Verified)>,
    /// Modules that were not looked at, and why.
    skipped: Vec<(&'static str, &'static str)>,
    findings: Vec<Finding>,
}

/// Prints what was found: exit code 1 if there is anything.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let report = look(settings).await?;
    for (module, Verified { outbox, .. }) in &report.modules {
        match outbox {
            Some(outbox) => println!("{module}: {} events wait, {} dead letters", outbox.depth, outbox.dead),
            None => println!("{module}"),
        }
    }
    for (module, why) in &report.skipped {
        println!("{module}: not checked, because it {why}");
    }
    for Finding { name, rule, count, named } in &report.findings {
        println!("\n{name}: {count} contradict the rule that {rule}");
        named.iter().for_each(|one| println!("  {one}"));
        if *count > named.len() as u64 {
            println!("  and {} more", count - named.len() as u64);
        }
    }
    if report.findings.is_empty() {
        println!("everything adds up");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

async fn look(settings: &Settings) -> anyhow::Result<Report> {
    let listeners: Vec<&str> =
        modules::contracts().iter().filter_map(|Known { listener, .. }| listener.as_ref().map(Listener::name)).collect();
    let (mut modules, mut skipped) = (Vec::new(), Vec::new());
    macro_rules! verify_modules {
        ($($module:ident $name:tt $Variant:ident $Client:ident $description:literal;)*) => {$(
            match (settings.place(Module::$Variant, None), Module::$Variant.is_compiled_in()) {
                (_, false) => skipped.push(($name, "is not compiled in")),
                (Place::At(_), true) => skipped.push(($name, "runs elsewhere")),
                #[cfg(feature = $name)]
                (Place::Local, true) => {
                    let verified = kernel::module::verify::<$module::Service>(&settings.$module, &listeners).await;
                    modules.push(($name, verified.map_err(|e| anyhow!("{}: {e}", $name))?));
                }
                #[cfg(not(feature = $name))]
                (Place::Local, true) => {}
            }
        )*};
    }
    for_modules!(verify_modules);
    let mut findings = Vec::new();
    for (_, verified) in &mut modules {
        findings.append(&mut verified.findings);
    }
    findings.extend(compare_books(&modules).await?);
    Ok(Report { modules, skipped, findings })
}

/// Compares the books that two modules keep together.
async fn compare_books(modules: &[(&'static str, Verified)]) -> anyhow::Result<Vec<Finding>> {
    let books: Vec<(&str, &Book)> =
        modules.iter().flat_map(|(name, verified)| verified.books.iter().map(|book| (*name, book))).collect();
    let mut findings = Vec::new();
    for (i, left) in books.iter().enumerate() {
        for right in books[i + 1..].iter().filter(|right| right.1.name == left.1.name) {
            // the caller comes after the called module in the list, and is named first
            findings.extend(compare([*right, *left]).await.map_err(|e| anyhow!("{}: {e}", left.1.name))?);
        }
    }
    Ok(findings)
}
