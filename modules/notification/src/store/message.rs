//! The text of a message.

/// The placeholder of a secret token in texts.
pub(crate) const MASK: &str = "••••••••";

/// A message without its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Locale of the texts.
    pub(crate) locale: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
}
