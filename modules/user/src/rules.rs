//! E-mail addresses and phone numbers in the form in which they are stored.

use crate::{UserError, fields};
use kernel::Fault;

/// The normal form of an address that is registered.
pub(crate) fn normal_email(text: &str) -> Result<String, UserError> {
    fields::normal_email(text).map_err(|e| Fault::invalid("/email", e.message()).into())
}

/// The normal form of an address that is looked up: possibly part of one, or one that only earlier releases accepted.
pub(crate) fn known_email(text: &str) -> String {
    fields::normal_email(text).unwrap_or_else(|_| text.trim().to_lowercase())
}

/// A phone number as E.164.
pub(crate) fn e164(phone: &str) -> Result<String, UserError> {
    fields::e164(phone).map_err(|e| Fault::invalid("/phone", e.message()).into())
}
