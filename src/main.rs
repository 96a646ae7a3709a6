//! The launcher: reads the settings, starts the modules, and stops them cleanly.

mod admin;
mod assembly;
#[cfg(feature = "store")]
mod backup;
mod catalogue;
mod config;
mod events;
mod generate;
mod health;
mod migrate;
mod modules;
mod operations;
mod seed;
mod serve;
#[cfg(feature = "store")]
mod verify;

use anyhow::Context;
use clap::{Parser, Subcommand};
use config::Settings;
use kernel::telemetry::{self, Traces};
use modules::Module;
use rustix::fs::Mode;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    #[command(flatten)]
    OnShop(OnShop),
    #[command(flatten)]
    About(About),
}

/// Commands on a shop, which need its settings.
#[derive(Subcommand)]
enum OnShop {
    /// Serve the shop: the gateway and every local module (the default)
    Serve {
        /// Serve only this module, or only the gateway; the other modules are remote
        #[arg(long, value_name = "MODULE")]
        only: Option<Module>,
    },
    /// Ask the process that runs here with these settings whether it is ready
    Health {
        /// The process serves only this module; not needed if ops_bind has a port
        #[arg(long, value_name = "MODULE")]
        only: Option<Module>,
    },
    /// Migrate the stores of all compiled-in modules
    Migrate,
    /// Fill the catalogue
    Seed {
        /// Add this many made-up products; without it, add the demo shop to an empty catalogue
        #[arg(long, value_name = "N")]
        products: Option<usize>,
        /// How many variants each made-up product has, 1 to 100
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100), requires = "products")]
        variants: u16,
    },
    /// Import and export products as CSV files
    Catalogue {
        #[command(subcommand)]
        command: catalogue::Command,
    },
    /// Print the effective settings, secrets masked
    Config {
        /// Print refusals and warnings instead
        #[arg(long)]
        check: bool,
    },
    /// Manage events
    Events {
        #[command(subcommand)]
        command: events::Command,
    },
    /// Copy the embedded stores and the keys into a new folder, also while the shop runs
    #[cfg(feature = "store")]
    Backup {
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Put a backup into the data folder, which must have no stores yet
    #[cfg(feature = "store")]
    Restore {
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
    },
    /// Look for what does not add up in the stores of the local modules, also while the shop runs: exit code 1 if there is anything
    #[cfg(feature = "store")]
    Verify,
    /// Manage administrators
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
}

/// Commands about the program, which need no settings.
#[derive(Subcommand)]
enum About {
    /// Print the version, the commit that it was built from, and the compiled-in modules
    Version,
    /// List the modules, callees before their callers: name, port when served alone, whether compiled in
    Modules,
    /// List the operations of all modules as JSON: path, access, limit, whether it may be repeated
    Operations,
    /// Write the files of the repository that follow from the modules: documents of the API, Compose file, manifests
    Generate {
        /// Compare with the files instead of writing them
        #[arg(long)]
        check: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    // huge pages double the memory of an idle shop, and make it no faster (bench/README.md)
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let cli = Cli::parse();
    let failure = failure(cli.command.as_ref());
    match run(cli).await {
        Ok(code) => code,
        Err(e) => {
            // without a stack, even if RUST_BACKTRACE is set
            eprintln!("souk: {e:#}");
            failure
        }
    }
}

/// The exit code of a command that fails.
fn failure(command: Option<&Command>) -> ExitCode {
    match command {
        // 1 says that it has found something
        #[cfg(feature = "store")]
        Some(Command::OnShop(OnShop::Verify)) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command.unwrap_or(Command::OnShop(OnShop::Serve { only: None })) {
        Command::OnShop(command) => return run_on_shop(command, cli.config.as_deref()).await,
        Command::About(About::Version) => operations::print_version(),
        Command::About(About::Modules) => operations::print_modules(),
        Command::About(About::Operations) => operations::print(),
        Command::About(About::Generate { check }) => generate::write(check),
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn run_on_shop(command: OnShop, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    // databases, keys and their folder are for the owner only
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let only = if let OnShop::Serve { only } | OnShop::Health { only } = &command { *only } else { None };
    let (settings, findings) = Settings::load(file, only)?;
    if let OnShop::Config { check: true } = command {
        return config::report(&findings).map(|()| ExitCode::SUCCESS);
    }
    config::accept(&findings)?;
    // a command prints its own result; what it does to the stores need not be logged
    let is_serving = matches!(command, OnShop::Serve { .. });
    let is_quiet = !is_serving && settings.log.filter == "info";
    let filter = if is_quiet { "warn" } else { &settings.log.filter };
    // of commands there are none: they last for moments
    let traces = if is_serving { settings.traces.clone() } else { Traces::default() };
    // held until the end, when it writes its last lines
    let log = telemetry::start_logging(filter, settings.log.format, &traces, only.map(Module::name));
    let log = log.map_err(anyhow::Error::msg).context("log.filter")?;
    match command {
        OnShop::Serve { only } => {
            for finding in &findings {
                tracing::warn!("setting {finding}");
            }
            serve::serve(settings, only, &log).await
        }
        OnShop::Migrate => migrate::run(&settings).await,
        OnShop::Seed { products, variants } => seed::run(&settings, products, variants.into()).await,
        OnShop::Catalogue { command } => return catalogue::run(&settings, command).await,
        OnShop::Health { only } => health::run(&settings, only).await,
        OnShop::Config { .. } => settings.print(),
        OnShop::Events { command } => events::run(&settings, command).await,
        #[cfg(feature = "store")]
        OnShop::Backup { to } => backup::back_up(&settings, &to).await,
        #[cfg(feature = "store")]
        OnShop::Restore { from } => return backup::restore(&settings, &from).await,
        #[cfg(feature = "store")]
        OnShop::Verify => return verify::run(&settings).await,
        OnShop::Admin { command } => admin::run(&settings, command).await,
    }?;
    Ok(ExitCode::SUCCESS)
}
