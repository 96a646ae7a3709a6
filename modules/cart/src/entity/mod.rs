//! The tables, as sea-orm sees them. Private: other modules know types, not rows.

pub(crate) mod cart;
pub(crate) mod item;
