//! The sort order of a list of products in a query string.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;

/// A field that products can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSortField {
    /// By id: the order in which products were added.
    Id,
    /// By name.
    Name,
    /// By price.
    Price,
    /// By stock.
    StockQuantity,
    /// By the time at which products were added.
    CreatedAt,
}

impl ProductSortField {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Id, "id"),
        (Self::Name, "name"),
        (Self::Price, "price"),
        (Self::StockQuantity, "stock_quantity"),
        (Self::CreatedAt, "created_at"),
    ];
}

/// A sort order of products in a query string: `-price,name`.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductSort(Vec<(ProductSortField, bool)>);

impl ProductSort {
    /// The fields, each with `true` for descending order.
    pub fn fields(&self) -> &[(ProductSortField, bool)] {
        &self.0
    }
}

impl Serialize for ProductSort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = |field| ProductSortField::ALL.iter().find(|(f, _)| *f == field).map_or("", |(_, name)| name);
        let fields =
            self.0.iter().map(|&(field, is_descending)| format!("{}{}", if is_descending { "-" } else { "" }, name(field)));
        serializer.serialize_str(&fields.collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for ProductSort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let field = |word: &str| {
            let name = word.strip_prefix('-').unwrap_or(word);
            let field = ProductSortField::ALL.iter().find(|(_, n)| *n == name)?.0;
            Some((field, word.starts_with('-')))
        };
        let fields: Option<Vec<_>> = text.split(',').map(field).collect();
        match fields {
            Some(fields) if fields.len() <= ProductSortField::ALL.len() => Ok(Self(fields)),
            _ => {
                let names: Vec<_> = ProductSortField::ALL.iter().map(|(_, name)| *name).collect();
                Err(D::Error::custom(format!(
                    "must be fields separated by commas, out of {}, each with or without -",
                    names.join(", ")
                )))
            }
        }
    }
}
