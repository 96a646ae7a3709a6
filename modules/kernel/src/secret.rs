//! Text of the settings that is never shown.

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A password, a key or a token in the settings. It is shown, logged and written as `***`, or as nothing when it is empty.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text, for those that need it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn masked(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "***" }
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.masked())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_but_never_written() {
        let secret: Secret = serde_json::from_str("\"open sesame\"").expect("text");
        assert_eq!(secret.reveal(), "open sesame");
        assert_eq!((format!("{secret:?}"), serde_json::to_string(&secret).expect("json")), ("***".into(), "\"***\"".into()));
        assert_eq!(format!("{:?}", Secret::default()), "");
    }
}
