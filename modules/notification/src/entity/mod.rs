//! Rows of the SQL databases.

pub(crate) mod contact;
pub(crate) mod notification;
pub(crate) mod preferences;
