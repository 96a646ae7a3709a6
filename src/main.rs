//! The launcher: reads the settings, starts what they name, and stops it cleanly.

mod admin;
mod assembly;
mod asyncapi;
mod config;
mod events;
mod migrate;
mod modules;
mod openapi;
mod operations;
mod seed;
mod serve;

use anyhow::Context;
use clap::{Parser, Subcommand};
use config::Settings;
use kernel::telemetry;
use modules::Module;
use rustix::fs::Mode;
use std::{path::PathBuf, process::ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An e-commerce backend that runs as one process or as many, from the same code.
#[derive(Parser)]
#[command(name = "souk", version, arg_required_else_help = false)]
struct Cli {
    /// A settings file that is read after config/default.toml and config/<environment>.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the shop: the gateway and every module that is not elsewhere (the default)
    Serve {
        /// Serve one module's own operations, or the gateway alone; the others are elsewhere
        #[arg(long, value_name = "MODULE")]
        only: Option<Module>,
    },
    /// Bring the stores of all compiled-in modules up to date
    Migrate,
    /// Fill the catalogue
    Seed {
        /// Add this many made-up products; without it the demo shop is added to an empty catalogue
        #[arg(long, value_name = "N")]
        products: Option<usize>,
    },
    /// Write the OpenAPI and AsyncAPI documents to openapi/
    Openapi {
        /// Compare with the files instead of writing them
        #[arg(long)]
        check: bool,
    },
    /// List the modules, callees before their callers: name, port when served alone, and whether it is compiled in
    Modules,
    /// List the operations of all modules as JSON: path, who may call it, how often, whether it may be repeated
    Operations,
    /// Print the effective settings, secrets masked
    Config {
        /// Print what is wrong with them instead: what is refused, and what it warns about
        #[arg(long)]
        check: bool,
    },
    /// Look after events
    Events {
        #[command(subcommand)]
        command: events::Command,
    },
    /// Manage administrators
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // for people: no stack, whatever the environment says about backtraces
            eprintln!("souk: {e:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let command = cli.command.unwrap_or(Command::Serve { only: None });
    if let Command::Openapi { check } = command {
        return openapi::write(check);
    }
    // whatever is made from here on is nobody else's: databases, keys, and the folder that they are in
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let only = if let Command::Serve { only } = &command { *only } else { None };
    let (settings, findings) = Settings::load(cli.config.as_deref(), only)?;
    if let Command::Config { check: true } = command {
        return config::report(&findings);
    }
    config::accept(&findings)?;
    // a command answers on its own; what it does to the stores is no news
    let is_quiet = !matches!(command, Command::Serve { .. }) && settings.log.filter == "info";
    let filter = if is_quiet { "warn" } else { &settings.log.filter };
    // held until the end: then what is still to be written is written
    let log = telemetry::start_logging(filter, settings.log.format, only.map(Module::name));
    let log = log.map_err(anyhow::Error::msg).context("log.filter")?;
    match command {
        Command::Serve { only } => {
            for finding in &findings {
                tracing::warn!("setting {finding}");
            }
            serve::serve(settings, only, &log).await
        }
        Command::Migrate => migrate::run(&settings).await,
        Command::Seed { products } => seed::run(&settings, products).await,
        Command::Openapi { check } => openapi::write(check),
        Command::Modules => operations::print_modules(),
        Command::Operations => operations::print(),
        Command::Config { .. } => settings.print(),
        Command::Events { command } => events::run(&settings, command).await,
        Command::Admin { command } => admin::run(&settings, command).await,
    }
}
