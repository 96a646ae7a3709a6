//! `souk events`: dead letters, the events that could not be handled.

use crate::config::Settings;
use clap::Subcommand;
use uuid::Uuid;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Events that could not be handled, in the outboxes of this process's modules and in the queues of the broker
    DeadLetters {
        #[command(subcommand)]
        command: DeadLetters,
    },
}

#[derive(Subcommand)]
pub(crate) enum DeadLetters {
    /// List them, one in a line: id, place, listener, type, subject, time, attempts, reason
    List {
        /// Only those of this listener
        #[arg(long)]
        listener: Option<String>,
    },
    /// All dead letters of an event, as JSON
    Show {
        /// The event's id
        id: Uuid,
    },
    /// Deliver an event again, or all of them
    Replay(Which),
    /// Delete the dead letters of an event, or all of them
    Drop(Which),
}

#[derive(clap::Args)]
pub(crate) struct Which {
    /// The event's id
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<Uuid>,
    /// All events
    #[arg(long)]
    all: bool,
    /// Only for this listener; without it, for every listener that has a dead letter
    #[arg(long)]
    listener: Option<String>,
}

#[cfg(feature = "store")]
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    use kernel::{
        delivery::{self, DeadLetter, DeadLetterAction},
        outbox,
    };
    let Command::DeadLetters { command } = command;
    let (id, listener, action) = match &command {
        DeadLetters::List { listener } => (None, listener, DeadLetterAction::List),
        DeadLetters::Show { id } => (Some(*id), &None, DeadLetterAction::List),
        DeadLetters::Replay(which) => (which.id, &which.listener, DeadLetterAction::Replay),
        DeadLetters::Drop(which) => (which.id, &which.listener, DeadLetterAction::Drop),
    };
    let which = outbox::DeadLetterFilter { id, listener: listener.clone() };
    let outboxes = outboxes(settings).await?;
    let bus = crate::assembly::bus_of_operator(settings)?;
    let found = delivery::dead_letters(&bus, &outboxes, &which, action).await.map_err(|e| anyhow::anyhow!("{e}"))?;
    if let (Some(id), true) = (id, found.is_empty()) {
        anyhow::bail!("there is no dead letter {id}");
    }
    let line = |letter: &DeadLetter| {
        let (kind, subject, time) = letter
            .event
            .as_ref()
            .map_or(("?", "?", String::new()), |event| (event.r#type.as_str(), event.subject.as_str(), event.time.to_rfc3339()));
        let DeadLetter { id, place, listener, attempts, reason, .. } = letter;
        let listener = if listener.is_empty() { "?" } else { listener };
        format!("{id}  {place}  {listener}  {kind}  {subject}  {time}  {attempts}  {reason}")
    };
    match command {
        DeadLetters::List { .. } => found.iter().for_each(|letter| println!("{}", line(letter))),
        DeadLetters::Show { .. } => println!("{}", serde_json::to_string_pretty(&found)?),
        DeadLetters::Replay(_) => println!("{} will be delivered again", found.len()),
        DeadLetters::Drop(_) => println!("{} deleted", found.len()),
    }
    Ok(())
}

/// The databases of the modules of this process that publish events.
#[cfg(feature = "store")]
async fn outboxes(settings: &Settings) -> anyhow::Result<Vec<kernel::db::Db>> {
    use kernel::{
        Contract,
        module::{Module, Store},
    };
    let mut outboxes = Vec::new();
    macro_rules! open_outboxes {
        ($($module:ident $name:tt $Variant:ident $Client:ident $description:literal;)*) => {$(
            #[cfg(feature = $name)]
            if !$module::$Client::events().is_empty() {
                let store = $module::Service::open(&settings.$module).await.map_err(|e| anyhow::anyhow!("{}: {e}", $name))?;
                outboxes.extend(store.outbox().cloned());
            }
        )*};
    }
    crate::modules::for_modules!(open_outboxes);
    Ok(outboxes)
}

#[cfg(not(feature = "store"))]
pub(crate) async fn run(_: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::DeadLetters { command: _ } = command;
    anyhow::bail!("no module that publishes events is compiled into this binary")
}
