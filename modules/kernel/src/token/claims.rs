//! The claims in a token.

use crate::{Op, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long a token lives, in seconds.
pub(super) const LIFETIME: u64 = 30;
/// The `typ` of our tokens (RFC 8725 §3.11): no other JWT is taken for one.
pub(super) const TYPE: &str = "souk-call+jwt";
/// The code of the problem with which a token is refused.
pub(crate) const REFUSED: &str = "token_refused";

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    /// The module that calls.
    pub(super) iss: String,
    /// The module that is called.
    pub(super) aud: String,
    /// The operation that is called.
    pub(super) op: String,
    /// The user on whose behalf, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) role: Option<Role>,
    pub(super) exp: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) nbf: Option<u64>,
    pub(super) jti: String,
    /// The request that it is for: see [`request_hash`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) req: Option<String>,
}

/// Binds a token to a request: SHA-256 of the method, the path and query, the condition if there is one, and the body. A process of
/// a release that ignores conditions thus refuses calls with one.
pub(super) fn request_hash(op: &Op, target: &str, if_match: Option<&str>, body: &[u8]) -> String {
    let mut head = Sha256::new().chain_update(op.method.as_str()).chain_update(" ").chain_update(target);
    if let Some(condition) = if_match {
        head = head.chain_update("\nif-match: ").chain_update(condition);
    }
    format!("{:x}", head.chain_update("\n").chain_update(body).finalize())
}
