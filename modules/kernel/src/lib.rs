//! The kernel of Souk: what every module shares, and nothing of any domain.
//!
//! A module's public face is one trait with [`macro@api`] on it. From that trait come a client that hides where the module runs,
//! the HTTP client and server, the OpenAPI document and the operations as data ([`Op`]).
//!
//! # What is the same in every placement
//! Arguments, results, typed errors, statuses, access checks, deadlines, idempotency, and what happens when a callee panics or a
//! caller leaves. Every module's suite runs in three placements to keep it so (see [`placements!`]).
//!
//! # What cannot be made the same
//! - **Latency.** A local call costs less than a microsecond, a remote one tens of them and sometimes much more. Do not call in loops.
//! - **Partial failure.** A remote module can be down while its callers are up. Every call can answer `unavailable`.
//! - **"It may have run."** After `deadline_exceeded` or a lost connection nobody knows. Operations are therefore repeatable:
//!   GET, PUT and DELETE by nature, POST by an idempotency key.
//!
//! # Features
//! Without features this crate is what a contract needs: types, clients, no framework and no store. `server` adds actix-web,
//! `store` adds sea-orm and, for events, lapin, `testing` adds what tests of modules need.

#[doc(hidden)]
pub mod bounds;
mod call;
mod clock;
mod ctx;
mod declared;
mod dispatch;
mod error;
mod event;
mod future;
pub mod header;
mod health;
mod id;
mod instances;
mod log;
pub mod module;
mod money;
mod op;
pub mod openapi;
pub mod optional;
mod page;
mod rate;
pub mod rules;
pub mod text;
mod token;
mod transport;
mod wire;
pub mod writes;

#[cfg(feature = "store")]
pub mod db;
#[cfg(feature = "store")]
pub mod delivery;
#[cfg(feature = "store")]
pub mod idempotency;
pub mod jobs;
#[cfg(feature = "server")]
pub mod ops;
#[cfg(feature = "server")]
mod readiness;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "store")]
pub mod sweep;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use bounds::Request;
pub use call::{Calls, Placement, validate};
pub use clock::now;
pub use ctx::{Ctx, MAX_DEADLINE, Principal, Role, Trace};
#[cfg(feature = "store")]
pub use delivery::{inbox, outbox};
pub use dispatch::Dispatch;
pub use error::{ApiError, BoxError, Code, Fault, FieldError, Problem, ProblemKind};
pub use event::{Envelope, Event, EventType, Listener};
pub use future::BoxFuture;
pub use health::Health;
pub use id::{OrderId, UserId};
pub use instances::Instances;
pub use kernel_macros::{ApiError, Request, api};
pub use module::{Client, Clients, Contract};
pub use money::{Amount, AmountText, Currency, Money};
pub use op::{Access, Method, Op, Retry};
pub use page::{MAX_PAGE, MAX_PER_PAGE, Page, Pagination};
pub use rate::Rate;
pub use token::InternalKey;
pub use transport::{PeerReport, Transport, trust_authorities};
pub use wire::{Incoming, Outgoing, Reply};

#[doc(hidden)]
pub use {chrono, serde_json, utoipa};
