//! The tables of SQL databases, private to this module.

pub(crate) mod contact;
pub(crate) mod notification;
pub(crate) mod preferences;
