//! How events get from the modules that publish them to their listeners: directly, or through RabbitMQ.
//!
//! - **Directly**: the relay of the publishing module calls every listener, in this process or over HTTP. Nothing else has to run.
//! - **Through RabbitMQ** ([`Broker`]): the relay publishes, and each listener has a queue that its own process consumes. The publisher
//!   does not wait for the listener, and they need not be up at the same time.
//!
//! Both deliver at least once, to each listener by itself, retry by the same plan, and keep events that cannot be handled as dead
//! letters. The publishing side is [`outbox`], the handling side [`inbox`].

mod audience;
mod broker;
mod bus;
mod config;
mod consumer;
mod dead_letters;
mod handle;
pub mod inbox;
pub mod outbox;
mod plan;
mod publisher;

pub(crate) use audience::Hook;
pub use broker::Broker;
pub use bus::Bus;
pub use config::Config;
pub use dead_letters::{DeadLetter, DeadLetterAction, dead_letters};
