//! The events that a module has published and that are still to be delivered, in the module's database.
//!
//! [`publish`] writes rows in the transaction of the change, so that there is an event exactly when there is a change: one row
//! for each listener, with its own attempts and its own end. The relay of the module delivers the rows, and deletes the delivered
//! ones. It is woken at commit, and also polls for rows that a dead process has left. A relay claims rows by moving their
//! `due_at` into the future, in one statement that skips the rows that another instance is claiming; no relay waits for another,
//! and a row that is not deleted becomes due again.
//!
//! Rows are found by their presence, not by a number higher than the last one: with concurrent writers, numbers become visible
//! out of order, and a cursor would skip some rows.

mod claim;
mod dead_letters;
mod direct;
mod pace;
mod publish;
mod relay;
mod row;
mod schema;
mod state;
mod to_broker;
mod verify;

pub use super::audience::EVERYONE;
pub use dead_letters::{DeadLetterFilter, dead_letters, discard, replay};
pub use publish::{publish, publish_all};
pub use relay::relay;
pub use row::{ActiveModel, Column, Entity, Model, PrimaryKey, Relation};
pub use schema::{add_listener, create_table};
pub use state::{State, state};
pub use verify::verify;
