//! `souk admin`: commands that need access to the machine instead of an account.

use crate::config::Settings;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create an administrator, or make an existing account one; reads the password from standard input
    Create {
        /// E-mail address of the account
        email: String,
    },
}

#[cfg(feature = "user")]
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    use anyhow::{Context, anyhow};
    let Command::Create { email } = command;
    eprint!("Password for {email}: ");
    let mut password = String::new();
    std::io::stdin().read_line(&mut password).context("standard input")?;
    let users = user::Users::open_as_it_is(&settings.user).await.map_err(|e| anyhow!("user: {e}"))?;
    let admin = users.create_admin(&email, password.trim_end_matches(['\r', '\n'])).await.map_err(|e| anyhow!("{e}"))?;
    println!("{} is an administrator (user {})", admin.email, admin.id);
    Ok(())
}

#[cfg(not(feature = "user"))]
pub(crate) async fn run(_: &Settings, _: Command) -> anyhow::Result<()> {
    anyhow::bail!("user is not compiled into this binary: build with --features user")
}
