//! Fingerprints of secrets and addresses.

use sha2::{Digest, Sha256};

/// SHA-256 of a token or an e-mail address, which is stored in its place. Random tokens need no salt.
pub(crate) fn fingerprint(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
