//! Pages of lists.

use serde::{Deserialize, Serialize};

/// Where in a list a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pagination {
    /// This page, from 1.
    #[schema(example = 1, minimum = 1)]
    pub page: u32,
    /// Items on a full page, 1 to 100.
    #[schema(example = 10, minimum = 1, maximum = 100)]
    pub per_page: u32,
    /// Items in all.
    #[schema(example = 64)]
    pub total: u64,
    /// Pages in all; 0 when there are no items.
    #[schema(example = 7)]
    pub pages: u32,
}

impl Pagination {
    /// The page `page` of `total` items.
    pub fn new(page: u32, per_page: u32, total: u64) -> Self {
        Self { page, per_page, total, pages: u32::try_from(total.div_ceil(u64::from(per_page.max(1)))).unwrap_or(u32::MAX) }
    }
}
