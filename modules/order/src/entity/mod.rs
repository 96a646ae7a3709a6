//! The tables, as sea-orm sees them. Private: other modules know types, not rows.

pub(crate) mod effect;
pub(crate) mod line;
pub(crate) mod order;
pub(crate) mod timeline;
