//! Pages of lists.

use crate::{
    Cursor, Fault,
    cursor::{End, fingerprint},
};
use serde::{Deserialize, Serialize};

/// The most pages that can be turned by number.
pub const MAX_PAGE: i64 = 1_000_000;
/// The most items on a page.
pub const MAX_PER_PAGE: i64 = 100;

/// The page of a list that a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    number: u32,
    per_page: u32,
    /// The list's fingerprint, if it has cursors.
    list: Option<String>,
    from: Option<Cursor>,
}

impl Page {
    /// The page of a query whose rules were checked: its number is 1 to [`MAX_PAGE`], and there are 1 to [`MAX_PER_PAGE`] items
    /// on it. Without a number it is the first page, without a size it has `usual` items.
    pub fn of(number: Option<i64>, per_page: Option<i64>, usual: u32) -> Self {
        let whole = |value: i64, max: i64| u32::try_from(value.clamp(1, max)).unwrap_or(1);
        let number = number.map_or(1, |number| whole(number, MAX_PAGE));
        let per_page = per_page.map_or(usual, |per_page| whole(per_page, MAX_PER_PAGE));
        Self { number, per_page, list: None, from: None }
    }

    /// As [`Page::of`], in a list with cursors: the page with this number, or the one that begins at the cursor. `list` is everything
    /// that tells the list from others: the operation, the filters and the sort order.
    ///
    /// # Errors
    /// `invalid_argument` naming `cursor` when it is of another list or another size of pages, or given together with a number.
    pub fn of_list(
        list: &impl Serialize,
        number: Option<i64>,
        cursor: Option<Cursor>,
        per_page: Option<i64>,
        usual: u32,
    ) -> Result<Self, Fault> {
        let page = Self::of(number, per_page, usual);
        let list = fingerprint(&(list, page.per_page))?;
        let from = match cursor {
            Some(_) if number.is_some() => return Err(Fault::invalid("/cursor", "must not be given together with page")),
            Some(cursor) if cursor.list != list => return Err(Cursor::foreign()),
            cursor => cursor,
        };
        Ok(Self { number: from.as_ref().map_or(page.number, |from| from.page), list: Some(list), from, ..page })
    }

    /// Its number, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How many items come before it, unless it begins after an item.
    pub fn offset(&self) -> u64 {
        u64::from(self.number - 1) * u64::from(self.per_page)
    }

    /// How many items it has at most.
    pub fn per_page(&self) -> u32 {
        self.per_page
    }

    /// Where the page before ended, if a cursor says so.
    pub fn from(&self) -> Option<&End> {
        self.from.as_ref().map(|from| &from.end)
    }

    /// The number of items in the list, if the first page has counted them already.
    pub fn total(&self) -> Option<u64> {
        self.from.as_ref().map(|from| from.total)
    }

    /// Its place in a list of `total` items.
    pub fn of_total(&self, total: u64) -> Pagination {
        Pagination::new(self.number, self.per_page, total)
    }

    /// Its place in a list of `total` items with cursors, where it ends like this if more items follow.
    pub fn ending(self, total: u64, end: Option<End>) -> Pagination {
        let place = self.of_total(total);
        let page = self.number.saturating_add(1);
        let next = self.list.zip(end).map(|(list, end)| Cursor { list, page, total, end });
        Pagination { next_cursor: next.map(|next| next.to_string()), ..place }
    }
}

/// The place of a page in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pagination {
    /// This page, from 1.
    #[schema(example = 1, minimum = 1)]
    pub page: u32,
    /// Items on a full page, 1 to 100.
    #[schema(example = 10, minimum = 1, maximum = 100)]
    pub per_page: u32,
    /// Items in all; on a page that was reached by cursors, when the first page was read.
    #[schema(example = 64)]
    pub total: u64,
    /// Pages in all; 0 when there are no items.
    #[schema(example = 7)]
    pub pages: u32,
    /// The `cursor` of the next page; `null` when there is none, or when the list has no cursors.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

impl Pagination {
    /// The page `page` of `total` items.
    pub fn new(page: u32, per_page: u32, total: u64) -> Self {
        let pages = u32::try_from(total.div_ceil(u64::from(per_page.max(1)))).unwrap_or(u32::MAX);
        Self { page, per_page, total, pages, next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_continues_its_own_list_and_no_other() {
        let first = Page::of_list(&"lamps", None, None, Some(5), 10).expect("a page");
        let place = first.ending(12, Some(End::Offset));
        assert_eq!((place.page, place.total, place.pages), (1, 12, 3));
        let cursor: Cursor = place.next_cursor.expect("more follow").parse().expect("a cursor");

        let turned = |number, per_page, list: &str| {
            let page = Page::of_list(&list, number, Some(cursor.clone()), per_page, 10);
            page.map_err(|fault| fault.errors()[0].pointer.clone())
        };
        let second = turned(None, Some(5), "lamps").expect("the next page");
        assert_eq!((second.number(), second.offset(), second.total()), (2, 5, Some(12)));
        assert_eq!(second.ending(12, None).next_cursor, None);
        for (number, per_page, list) in [(Some(1), Some(5), "lamps"), (None, None, "lamps"), (None, Some(5), "rugs")] {
            assert_eq!(turned(number, per_page, list), Err("/cursor".into()));
        }
    }
}
