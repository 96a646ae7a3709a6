//! The catalogue as CSV (RFC 4180): a row for each variant, the rows of a product one after the other. `docs/api-guide.md` has the
//! format.

pub(crate) mod cells;
pub(crate) mod columns;
pub(crate) mod products;
pub(crate) mod records;
pub(crate) mod rows;
