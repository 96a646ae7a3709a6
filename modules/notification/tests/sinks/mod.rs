//! The destinations of messages in tests: a controllable mail server and SMS provider.

mod mail;
mod sms;

pub(crate) use mail::{Behavior, MailServer};
pub(crate) use sms::SmsProvider;
