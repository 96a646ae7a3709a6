//! What becomes of an attempt to send a message.

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken.
    Sent { to: String },
    /// It was not taken. `is_final`: it never will be.
    Refused { reason: String, is_final: bool },
    /// It was handed over and no answer came: it may have been taken.
    MaybeSent(String),
    /// There was nobody to take it, and nothing of it was handed over. `hung`: there was, but without an answer in time.
    Unreachable { reason: String, hung: bool },
    /// Nobody was asked, as something about its user is not known yet.
    NotYet(String),
    /// Nobody was asked, for a reason that soon passes and is not the message's.
    Postponed(String),
    /// Nobody was asked, as it can never be sent.
    Impossible(String),
}

impl Outcome {
    pub(crate) fn unreachable(reason: String) -> Self {
        Self::Unreachable { reason, hung: false }
    }

    /// Whether the server or the provider said something about the message.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::Sent { .. } | Self::Refused { .. })
    }

    /// Its name in the metrics.
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
