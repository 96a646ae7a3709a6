//! Tokens of internal calls: each names the calling module, the user, and one request to one operation of one module.
//!
//! A token is a JWT (RFC 7519) signed with HMAC-SHA256 by a key that the modules share. It lives for seconds, opens one operation
//! for one request, and, for writes, one time. Decision 3 has the reasons.

mod claims;
mod key;
#[cfg(feature = "server")]
mod verify;

pub(crate) use claims::REFUSED;
pub use key::InternalKey;
#[cfg(feature = "server")]
pub(crate) use verify::{Ticket, Verifier, missing};
