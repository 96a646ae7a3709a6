//! What the gateway promises, over the real contracts. The user module is a hand-written one, so that its keys, its ended
//! sessions and its failures can be chosen; the other modules are out of reach.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod auth;
mod docs;
mod harness;
mod limits;
mod mailbox;
mod responses;
