//! Whether and when a product is shown.

use kernel::chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Status of a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Not shown yet.
    Draft,
    /// Shown, within its times of publication.
    #[default]
    Active,
    /// No longer shown.
    Archived,
}

/// Which status listed products have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilter {
    /// Drafts.
    Draft,
    /// Active products, also before and after their times of publication.
    Active,
    /// Archived products.
    Archived,
    /// Products of every status.
    Any,
}

/// Stores order times of these years alike.
pub(super) fn storable<C>(time: &DateTime<Utc>, _: &C) -> garde::Result {
    if (1..=9999).contains(&time.year()) { Ok(()) } else { Err(garde::Error::new("must be in the years 1 to 9999")) }
}
