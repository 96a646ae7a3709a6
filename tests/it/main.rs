//! Tests of the whole shop: real processes, through the gateway, in both deployments.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod access;
mod architecture;
mod away;
mod backup;
mod catalogue_files;
mod conditional;
mod connections;
mod databases;
mod deployment;
mod document;
mod earlier_clients;
mod errors;
mod harness;
mod languages;
mod last_pieces;
mod logs;
#[expect(dead_code, reason = "the module's own tests use all of it")]
#[path = "../../modules/notification/tests/sinks/mail.rs"]
mod mail;
mod metrics;
mod notifications;
mod operation;
mod pictures;
mod purchase;
mod quick_start;
mod settings;
mod shopwindow;
mod statements;
mod traces;
mod two_sides_of_every_limit;
mod upgrade;
mod variants;
mod verify;
