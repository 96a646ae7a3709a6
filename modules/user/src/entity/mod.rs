//! The tables, private to this module.

pub(crate) mod address;
pub(crate) mod email_confirmation;
pub(crate) mod login_attempts;
pub(crate) mod refresh_token;
pub(crate) mod session;
pub(crate) mod user;
