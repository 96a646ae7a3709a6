//! The tables, private to this module.

pub(crate) mod attribute;
pub(crate) mod category;
pub(crate) mod hold;
pub(crate) mod hold_line;
pub(crate) mod import;
pub(crate) mod import_chunk;
pub(crate) mod media;
pub(crate) mod media_use;
pub(crate) mod product;
pub(crate) mod product_attribute;
pub(crate) mod product_tag;
pub(crate) mod product_translated;
pub(crate) mod stock_item;
pub(crate) mod stock_movement;
pub(crate) mod translation;
pub(crate) mod variant;
pub(crate) mod variant_option;
