//! The events that the module publishes.

use kernel::{Event, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of an account after an event.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserFacts {
    /// Id of the user.
    pub user_id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Phone number (E.164); `null` when the user gave none.
    #[serde(default)]
    pub phone: Option<String>,
    /// Whether the user has confirmed the e-mail address with a token that was mailed there.
    #[serde(default)]
    pub email_confirmed: bool,
    /// Version of the account, from 1; 0 in events of releases without versions.
    #[serde(default)]
    pub version: i64,
}

/// An account was opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserRegistered {
    /// The new account.
    #[serde(flatten)]
    pub user: UserFacts,
    /// A random token that confirms the address; absent when the address is confirmed or needs no confirmation. It is mailed to
    /// the address and never logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_token: Option<String>,
}

impl Event for UserRegistered {
    const TYPE: &'static str = "user.registered";
    fn subject(&self) -> String {
        self.user.user_id.to_string()
    }
    fn version(&self) -> i64 {
        self.user.version
    }
}

/// A user changed name or phone number, or the e-mail address was confirmed or freed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct UserChanged(pub UserFacts);

impl Event for UserChanged {
    const TYPE: &'static str = "user.changed";
    fn subject(&self) -> String {
        self.0.user_id.to_string()
    }
    fn version(&self) -> i64 {
        self.0.version
    }
}

/// A user requested another token to confirm the e-mail address, or somebody tried to register an unconfirmed address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserConfirmationRequested {
    /// Id of the user.
    pub user_id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// A random token that confirms the address. It is mailed to the address and never logged.
    pub confirm_token: String,
    /// Version of the account, from 1.
    #[serde(default)]
    pub version: i64,
}

impl Event for UserConfirmationRequested {
    const TYPE: &'static str = "user.confirmation_requested";
    fn subject(&self) -> String {
        self.user_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

// Logs may contain events: no personal data and no tokens.

impl fmt::Debug for UserFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserFacts").field("user_id", &self.user_id).field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Debug for UserRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRegistered").field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for UserConfirmationRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UserConfirmationRequested");
        shown.field("user_id", &self.user_id).field("version", &self.version).finish_non_exhaustive()
    }
}
