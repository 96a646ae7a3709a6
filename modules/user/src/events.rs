//! What the module tells about its past.

use kernel::{Event, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An account was opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserRegistered {
    /// The user.
    pub user_id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Phone number, if the user gave one.
    #[serde(default)]
    pub phone: Option<String>,
    /// Whether the user has proved to read what is sent to the address.
    #[serde(default)]
    pub email_confirmed: bool,
    /// A random token that proves the address once it comes back. It is mailed there, and is never logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_token: Option<String>,
    /// Version of the account, from 1; 0 in events of releases that did not tell it.
    #[serde(default)]
    pub version: i64,
}

impl Event for UserRegistered {
    const TYPE: &'static str = "user.registered";
    fn subject(&self) -> String {
        self.user_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A user changed name or phone number, or confirmed or gave up the e-mail address; all of them as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserChanged {
    /// The user.
    pub user_id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Phone number, if there is one.
    #[serde(default)]
    pub phone: Option<String>,
    /// Whether the user has proved to read what is sent to the address.
    #[serde(default)]
    pub email_confirmed: bool,
    /// Version of the account, from 1; 0 in events of releases that did not tell it.
    #[serde(default)]
    pub version: i64,
}

impl Event for UserChanged {
    const TYPE: &'static str = "user.changed";
    fn subject(&self) -> String {
        self.user_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// The user asks for another token that proves the e-mail address, or someone wants to register an address that nobody has proved.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserConfirmationRequested {
    /// The user.
    pub user_id: UserId,
    /// E-mail address, in lower case.
    pub email: String,
    /// A random token that proves the address once it comes back. It is mailed there, and is never logged.
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

/// Without what is personal or secret: it may stand in a log.
impl fmt::Debug for UserRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRegistered").field("user_id", &self.user_id).field("version", &self.version).finish_non_exhaustive()
    }
}

/// Without what is personal or secret: it may stand in a log.
impl fmt::Debug for UserConfirmationRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UserConfirmationRequested");
        shown.field("user_id", &self.user_id).field("version", &self.version).finish_non_exhaustive()
    }
}
