//! The tables, private to this module.

pub(crate) mod cart;
pub(crate) mod item;
