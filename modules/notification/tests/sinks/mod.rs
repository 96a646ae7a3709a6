//! Where messages end up in tests: a mail server and an SMS provider that do as they are told.

mod mail;
mod sms;

pub(crate) use mail::{MailServer, Mood};
pub(crate) use sms::SmsProvider;
