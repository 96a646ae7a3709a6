//! The outcome of an attempt to send a message.

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The message was accepted.
    Sent { to: String },
    /// The message was refused; with `is_final`, for good.
    Refused { reason: String, is_final: bool },
    /// The message was transmitted and no answer came: it may have been accepted.
    MaybeSent(String),
    /// The server could not be reached, and the message was not transmitted. `hung`: it was reached, but did not answer in time.
    Unreachable { reason: String, hung: bool },
    /// Not attempted, because the user's address is not known or not confirmed yet.
    NotYet(String),
    /// Not attempted, for a transient reason that is independent of the message.
    Postponed(String),
    /// Not attempted, because the message can never be sent.
    Impossible(String),
}

impl Outcome {
    pub(crate) fn unreachable(reason: String) -> Self {
        Self::Unreachable { reason, hung: false }
    }

    /// Whether the server or the provider answered about the message.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::Sent { .. } | Self::Refused { .. })
    }

    /// The name in the metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Refused { .. } => "refused",
            Self::MaybeSent(_) => "maybe_sent",
            Self::Unreachable { .. } => "unreachable",
            Self::NotYet(_) | Self::Postponed(_) | Self::Impossible(_) => "not_tried",
        }
    }
}
