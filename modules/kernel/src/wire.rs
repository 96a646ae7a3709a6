//! How arguments, results and errors look on the wire: one codec for the HTTP client, the server and the loopback.

mod arguments;
mod explain;
mod lenient;
mod reply;
mod strict;
mod whole;

pub use arguments::{Incoming, Outgoing};
#[cfg(feature = "server")]
pub(crate) use explain::escape;
pub use reply::Reply;
pub(crate) use reply::{NO_ENDPOINT, unavailable};
