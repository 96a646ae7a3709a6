//! The claims of access tokens.

use kernel::Role;
use serde::{Deserialize, Serialize};

/// The claims of an access token: a JWT of RFC 9068, with `typ` `at+jwt` and a `kid` from the JWK Set. Times are in seconds since
/// 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer: [`crate::ISSUER`].
    pub iss: String,
    /// Audience: [`crate::AUDIENCE`].
    pub aud: String,
    /// Subject: the id of the logged-in user in digits.
    pub sub: String,
    /// Role of the user when the token was issued.
    pub role: Role,
    /// Id of the session; [`crate::RevokedSessions`] lists the ended ones.
    pub sid: String,
    /// Time of issue.
    pub iat: u64,
    /// Time of expiry.
    pub exp: u64,
    /// Id of the token.
    pub jti: String,
}
