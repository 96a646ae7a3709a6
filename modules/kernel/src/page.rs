//! Pages of lists.

use serde::{Deserialize, Serialize};

/// The most pages that can be turned.
pub const MAX_PAGE: i64 = 1_000_000;
/// The most items on a page.
pub const MAX_PER_PAGE: i64 = 100;

/// The page of a list that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    number: u32,
    per_page: u32,
}

impl Page {
    /// The page of a query whose rules were checked: its number is 1 to [`MAX_PAGE`], and there are 1 to [`MAX_PER_PAGE`] items
    /// on it. Without a number it is the first page, without a size it has `usual` items.
    pub fn of(number: Option<i64>, per_page: Option<i64>, usual: u32) -> Self {
        let whole = |value: i64, max: i64| u32::try_from(value.clamp(1, max)).unwrap_or(1);
        let number = number.map_or(1, |number| whole(number, MAX_PAGE));
        Self { number, per_page: per_page.map_or(usual, |per_page| whole(per_page, MAX_PER_PAGE)) }
    }

    /// Its number, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many items come before it.
    pub fn offset(self) -> u64 {
        u64::from(self.number - 1) * u64::from(self.per_page)
    }

    /// How many items it has at most.
    pub fn per_page(self) -> u32 {
        self.per_page
    }

    /// Its place in a list of `total` items.
    pub fn of_total(self, total: u64) -> Pagination {
        Pagination::new(self.number, self.per_page, total)
    }
}

/// The place of a page in a list.
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
