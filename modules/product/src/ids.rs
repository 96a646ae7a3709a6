//! Ids of products and categories, and lists of ids in query strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, str::FromStr};

kernel::int_id!(
    /// A product.
    ProductId
);
kernel::int_id!(
    /// A variant of a product. The first variant of a product has the product's id.
    VariantId
);
kernel::int_id!(
    /// A category.
    CategoryId
);
kernel::int_id!(
    /// An import of products.
    ImportId
);

impl ProductId {
    /// The first variant of the product: its only one, if the product has no options.
    pub fn first_variant(self) -> VariantId {
        VariantId(self.0)
    }
}

/// Ids in a query string: `1,2,3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ids<T = ProductId>(Vec<T>);

impl<T: Ord> Ids<T> {
    /// The highest number of ids in one query.
    pub const MAX: usize = 100;

    /// A list of these ids without duplicates; it may be empty.
    ///
    /// # Errors
    /// When there are more than [`Ids::MAX`].
    pub fn new(ids: impl IntoIterator<Item = T>) -> Result<Self, TooManyIds> {
        let mut ids: Vec<T> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() <= Self::MAX { Ok(Self(ids)) } else { Err(TooManyIds) }
    }

    /// The ids, sorted.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: ToString> Serialize for Ids<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        serializer.serialize_str(&ids.join(","))
    }
}

impl<'de, T: FromStr<Err = &'static str> + Ord> Deserialize<'de> for Ids<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let ids = text.split(',').filter(|_| !text.trim().is_empty()).map(|id| id.trim().parse::<T>());
        let ids: Result<Vec<T>, _> = ids.collect();
        let ids = ids.map_err(|rule| D::Error::custom(format!("must be ids separated by commas, such as 1,2,3: one {rule}")))?;
        Self::new(ids).map_err(D::Error::custom)
    }
}

/// More ids than [`Ids::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {} ids", Ids::<ProductId>::MAX)]
pub struct TooManyIds;
