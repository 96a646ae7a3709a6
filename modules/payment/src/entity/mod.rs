//! The table, as sea-orm sees it. Private: other modules know types, not rows.

pub(crate) mod payment;
