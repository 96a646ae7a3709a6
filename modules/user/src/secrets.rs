//! Random ids and tokens.

/// 128 random bits, for ids that nobody can guess.
pub(crate) fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// 256 random bits, for refresh tokens and tokens that confirm an address.
pub(crate) fn random_token() -> String {
    random_id() + &random_id()
}
