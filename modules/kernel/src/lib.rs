//! The kernel of Souk: the code that all modules share.
//!
//! A module's public interface is one trait with [`macro@api`] on it. The macro makes from it a client that hides where the
//! module runs, the HTTP client and server, the OpenAPI document and the operations as data ([`Op`]).
//!
//! # Contents
//! - An operation: [`Ctx`] (its first argument), [`Op`], [`ApiError`], [`Fault`] and [`Problem`] (its failures), [`text`], [`rules`] and
//!   [`optional`] (its fields), [`IfMatch`] and [`Tagged`] (its conditions), [`Upload`] and [`Download`] (its streams).
//! - A call: `call` (the one interceptor), `wire` (the codec), [`Transport`] (to another process), `token` (the proof of the caller).
//! - A module and its process: [`module`], [`jobs`], `server`, `ops`, `telemetry`, [`trace`].
//! - A store: `db`, `idempotency`, `sweep`, `verify`.
//! - Events: [`Event`], [`Envelope`] and [`Listener`] (the contract), `delivery` with `outbox` and `inbox` (the way).
//!
//! The kernel holds no rule of any domain. Of commerce it has only [`Money`], [`UserId`] and [`OrderId`], because modules that do
//! not know each other must agree on them: a price is the same amount to a product, an order and a payment, every call carries a
//! user, and products are held and payments made for orders.
//!
//! # The same in every placement
//! Arguments, results, typed errors, statuses, access checks, deadlines, idempotency, and the effect of a callee that panics or a
//! caller that leaves. Every module's suite runs in three placements to keep it so (see `placements!`).
//!
//! # Not the same
//! - **Latency.** A local call costs less than a microsecond, a remote one tens of them and sometimes much more. Do not call in loops.
//! - **Partial failure.** A remote module can be down while its callers are up. Every call can answer `unavailable`.
//! - **"It may have run."** After `deadline_exceeded` or a lost connection the outcome is unknown. Operations are therefore repeatable:
//!   GET, PUT, PATCH and DELETE by nature, POST by an idempotency key.
//!
//! # Features
//! Without features this crate has the types and clients of contracts, no framework and no store. `server` adds actix-web,
//! `store` adds sea-orm and, for events, lapin, `testing` adds support for the tests of modules.

#[doc(hidden)]
pub mod bounds;
mod call;
mod clock;
mod ctx;
pub mod cursor;
mod declared;
mod dispatch;
mod download;
mod error;
mod etag;
mod event;
mod future;
pub mod header;
mod health;
mod id;
mod if_match;
mod instances;
mod log;
pub mod module;
mod money;
mod op;
pub mod openapi;
pub mod optional;
mod page;
mod pauses;
mod rate;
pub mod rules;
mod secret;
pub mod text;
mod token;
pub mod trace;
mod transport;
mod upload;
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
#[cfg(feature = "store")]
pub mod verify;

pub use bounds::Request;
pub use call::{Calls, GATEWAY, Placement, validate};
pub use clock::now;
pub use ctx::{Ctx, MAX_DEADLINE, Principal, Role};
pub use cursor::Cursor;
#[cfg(feature = "store")]
pub use delivery::{inbox, outbox};
pub use dispatch::Dispatch;
pub use download::Download;
pub use error::{ApiError, BoxError, Code, Fault, FieldError, Problem, ProblemKind};
pub use etag::{ETag, Tagged};
pub use event::{Envelope, Event, EventType, Listener};
pub use future::BoxFuture;
pub use health::Health;
pub use id::{OrderId, UserId};
pub use if_match::IfMatch;
pub use instances::Instances;
pub use kernel_macros::{ApiError, Request, api};
pub use module::{Client, Clients, Contract};
pub use money::{Amount, AmountText, Currency, Money};
pub use op::{Accepts, Access, Condition, Method, Op, Retry};
pub use page::{MAX_PAGE, MAX_PER_PAGE, Page, Pagination};
pub use rate::Rate;
pub use secret::Secret;
pub use token::InternalKey;
pub use trace::Trace;
pub use transport::{PeerReport, Transport, trust_authorities};
pub use upload::Upload;
pub use wire::{Incoming, Outgoing, Reply};

#[doc(hidden)]
pub use {chrono, serde_json, utoipa};
