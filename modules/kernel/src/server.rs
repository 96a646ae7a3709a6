//! The HTTP side of a module: mounts a [`Dispatch`](crate::Dispatch) on actix-web.
//!
//! Two kinds of servers do that: the gateway, for clients, and the service of a single module, for other modules. They differ in
//! their [`Entry`], which says on whose behalf a request is; everything else is the same.

mod connection;
mod download;
mod drain;
mod entry;
mod front;
mod health;
mod listen;
mod mount;
mod request;
mod response;
mod upload;

pub use connection::Timeouts;
pub use drain::close_when_draining;
pub use entry::{Entry, InternalEntry, MAX_BODY, MAX_INTERNAL_BODY};
pub use front::front;
pub use health::health;
pub use listen::{Serving, listen};
pub use mount::mount;
pub use request::bearer;
pub(crate) use request::receive;
pub(crate) use response::{method_not_allowed, page};
pub use response::{not_found, problem, reading};
