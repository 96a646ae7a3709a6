//! Carts as both kinds of stores keep them.

use kernel::{
    Money,
    chrono::{DateTime, TimeDelta, Utc},
};
use product::{ProductId, VariantId};

/// The most lines of a cart: as many as one call can ask the product module for.
pub(crate) const MAX_LINES: usize = product::Ids::<VariantId>::MAX;
/// A cart whose expiry was renewed within this time is not renewed again, so that reads stay cheap.
pub(crate) const RENEWAL_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// A cart with lines, in the order in which they were added.
pub(crate) struct Stored {
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) lines: Vec<Line>,
}

/// A line, with the name and price that its user was last shown.
pub(crate) struct Line {
    pub(crate) variant: VariantId,
    /// `None` if the product has no options: then its id is that of the variant.
    pub(crate) product: Option<ProductId>,
    pub(crate) quantity: u32,
    pub(crate) name: String,
    pub(crate) price: Money,
    pub(crate) added_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// The name and price of a variant that a user is shown.
pub(crate) struct Shown<'a> {
    pub(crate) variant: VariantId,
    /// `None` if the product has no options.
    pub(crate) product: Option<ProductId>,
    pub(crate) name: &'a str,
    pub(crate) price: Money,
}

/// The quantity of a request that was validated.
pub(crate) fn pieces(quantity: i64) -> u32 {
    u32::try_from(quantity).unwrap_or_default()
}
