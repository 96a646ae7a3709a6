//! What the module tells about its past.

use kernel::{Event, UserId};
use serde::{Deserialize, Serialize};

/// An account was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Event for UserRegistered {
    const TYPE: &'static str = "user.registered";
    fn subject(&self) -> String {
        self.user_id.to_string()
    }
}

/// A user changed name or phone number; all of them as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Event for UserChanged {
    const TYPE: &'static str = "user.changed";
    fn subject(&self) -> String {
        self.user_id.to_string()
    }
}
