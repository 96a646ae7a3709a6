//! The destinations of messages in tests: a controllable mail server and SMS provider.

mod mail;
mod sms;

pub(crate) use mail::{MailServer, Mood};
pub(crate) use sms::SmsProvider;
