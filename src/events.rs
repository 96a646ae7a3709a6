//! `souk events`: what became of events that could not be handled.

use crate::config::Settings;
use clap::Subcommand;
use uuid::Uuid;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Events that could not be handled: in the outboxes of this process's modules, and in the queues of the broker
    DeadLetters {
        #[command(subcommand)]
        command: DeadLetters,
    },
}

#[derive(Subcommand)]
pub(crate) enum DeadLetters {
    /// One line for each: id, place, type, subject, time, attempts, reason
    List,
    /// Everything about one, as JSON
    Show {
        /// Its id
        id: Uuid,
    },
    /// Hand one over again, or all
    Replay(Which),
    /// Forget one, or all
    Drop(Which),
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Its id
    id: Option<Uuid>,
    /// All of them
    #[arg(long)]
    all: bool,
}

#[cfg(feature = "store")]
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    use kernel::bus::{DeadLetter, Fate};
    let Command::DeadLetters { command } = command;
    let (id, fate) = match &command {
        DeadLetters::List => (None, Fate::Kept),
        DeadLetters::Show { id } => (Some(*id), Fate::Kept),
        DeadLetters::Replay(which) => (which.id, Fate::Replayed),
        DeadLetters::Drop(which) => (which.id, Fate::Dropped),
    };
    let outboxes = crate::store::outboxes(settings).await?;
    let bus = crate::assembly::bus_of_operator(settings)?;
    let found = kernel::bus::dead_letters(&bus, &outboxes, id, fate).await.map_err(|e| anyhow::anyhow!("{e}"))?;
    if let (Some(id), true) = (id, found.is_empty()) {
        anyhow::bail!("there is no dead letter {id}");
    }
    let line = |letter: &DeadLetter| {
        let (kind, subject, time) = letter
            .event
            .as_ref()
            .map_or(("?", "?", String::new()), |event| (event.r#type.as_str(), event.subject.as_str(), event.time.to_rfc3339()));
        let DeadLetter { id, place, attempts, reason, .. } = letter;
        format!("{id}  {place}  {kind}  {subject}  {time}  {attempts}  {reason}")
    };
    match command {
        DeadLetters::List => found.iter().for_each(|letter| println!("{}", line(letter))),
        DeadLetters::Show { .. } => println!("{}", serde_json::to_string_pretty(&found)?),
        DeadLetters::Replay(_) => println!("{} to be handed over again", found.len()),
        DeadLetters::Drop(_) => println!("{} forgotten", found.len()),
    }
    Ok(())
}

#[cfg(not(feature = "store"))]
pub(crate) async fn run(_: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::DeadLetters { command: _ } = command;
    anyhow::bail!("no module that tells events is compiled into this binary")
}
