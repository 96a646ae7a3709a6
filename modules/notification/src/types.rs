//! The types of the contract, by their audience.

mod admin;
mod language_tag;
mod mailbox;
mod user;
mod words;

pub use admin::*;
pub use mailbox::*;
pub use user::*;
pub use words::*;
