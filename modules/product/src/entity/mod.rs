//! The tables, private to this module.

pub(crate) mod category;
pub(crate) mod hold;
pub(crate) mod hold_line;
pub(crate) mod media;
pub(crate) mod media_use;
pub(crate) mod product;
pub(crate) mod product_slug;
pub(crate) mod product_tag;
pub(crate) mod stock_item;
pub(crate) mod stock_movement;
pub(crate) mod variant;
