use kernel::{ApiError, Fault};

/// Errors of accounts.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "user")]
pub enum UserError {
    /// There is no such user.
    #[error("User not found")]
    #[api(not_found)]
    NotFound,
    /// There is no such address, or it is another user's.
    #[error("Address not found")]
    #[api(not_found)]
    AddressNotFound,
    /// The e-mail address has an account.
    #[error("Email already registered")]
    #[api(conflict)]
    EmailTaken,
    /// The e-mail address is unknown or the password is wrong; the answer does not distinguish the two.
    #[error("Invalid email or password")]
    #[api(unauthenticated)]
    WrongCredentials,
    /// The password is right but the account was deactivated.
    #[error("Account is deactivated")]
    #[api(unauthenticated)]
    Deactivated,
    /// The refresh token is unknown, used, expired or revoked.
    #[error("Invalid refresh token")]
    #[api(unauthenticated)]
    InvalidRefreshToken,
    /// The account has 50 addresses, the maximum.
    #[error("An account can have at most 50 addresses")]
    #[api(conflict)]
    TooManyAddresses,
    /// No admin can change their own access.
    #[error("You cannot change your own access")]
    #[api(conflict)]
    OwnAccess,
    /// The token that confirms an e-mail address is unknown, was replaced, or has expired.
    #[error("The token is unknown or has expired")]
    #[api(invalid_argument)]
    InvalidEmailToken,
    /// The e-mail address was confirmed before.
    #[error("The email address is confirmed already")]
    #[api(conflict)]
    EmailConfirmed,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
