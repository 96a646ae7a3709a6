//! Ids of products and categories, and lists of ids in query strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;

kernel::int_id!(
    /// A product.
    ProductId
);
kernel::int_id!(
    /// A category.
    CategoryId
);

/// Ids in a query string: `1,2,3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ids(Vec<ProductId>);

impl Ids {
    /// The highest number of ids in one query.
    pub const MAX: usize = 100;

    /// A list of these ids without duplicates; it may be empty.
    ///
    /// # Errors
    /// When there are more than [`Ids::MAX`].
    pub fn new(ids: impl IntoIterator<Item = ProductId>) -> Result<Self, TooManyIds> {
        let mut ids: Vec<ProductId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() <= Self::MAX { Ok(Self(ids)) } else { Err(TooManyIds) }
    }

    /// The ids, sorted.
    pub fn as_slice(&self) -> &[ProductId] {
        &self.0
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        serializer.serialize_str(&ids.join(","))
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let ids = text.split(',').filter(|_| !text.trim().is_empty()).map(|id| id.trim().parse::<ProductId>());
        let ids: Result<Vec<ProductId>, _> = ids.collect();
        let ids = ids.map_err(|rule| D::Error::custom(format!("must be ids separated by commas, such as 1,2,3: one {rule}")))?;
        Self::new(ids).map_err(D::Error::custom)
    }
}

/// More ids than [`Ids::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {} ids", Ids::MAX)]
pub struct TooManyIds;
