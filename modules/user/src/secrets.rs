//! Random ids and tokens, and the fingerprints by which they are stored.

use sha2::{Digest, Sha256};

/// 128 random bits, for ids that nobody can guess.
pub(crate) fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// 256 random bits, for refresh tokens and tokens that confirm an address.
pub(crate) fn random_token() -> String {
    random_id() + &random_id()
}

/// SHA-256 of a token or an e-mail address, which is stored in its place. Random tokens need no salt.
pub(crate) fn fingerprint(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
