use kernel::Role;
use serde::{Deserialize, Serialize};

/// What an access token says: a JWT of RFC 9068, with `typ` `at+jwt` and a `kid` from the JWK Set. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it: [`crate::ISSUER`].
    pub iss: String,
    /// Whom it is for: [`crate::AUDIENCE`].
    pub aud: String,
    /// Who is logged in: a [`kernel::UserId`] in digits.
    pub sub: String,
    /// With which role.
    pub role: Role,
    /// In which session; a session that was ended is among [`crate::RevokedSessions`].
    pub sid: String,
    /// When it was issued.
    pub iat: u64,
    /// Until when it is valid.
    pub exp: u64,
    /// Its own id.
    pub jti: String,
}
