//! The tables, as sea-orm sees them. Private: other modules know types, not rows.

pub(crate) mod category;
pub(crate) mod hold;
pub(crate) mod hold_line;
pub(crate) mod product;
