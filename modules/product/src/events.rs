//! The events that the module publishes.

use crate::{ProductId, VariantId};
use kernel::Event;
use serde::{Deserialize, Serialize};

/// The pieces of a variant that can be sold have fallen to its threshold or below. It is published once until they are above it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StockLow {
    /// Id of the variant.
    pub variant_id: VariantId,
    /// Id of its product.
    pub product_id: ProductId,
    /// The shop's number of the variant; `null` if it has none.
    pub sku: Option<String>,
    /// Name of the product, with the values of the variant's options in brackets.
    #[schema(example = "Linen shirt (M, red)")]
    pub name: String,
    /// Pieces that can be sold now.
    #[schema(example = 4)]
    pub available: u32,
    /// The threshold.
    #[schema(example = 5)]
    pub low_at: u32,
    /// Version of the stock, from 1.
    #[schema(example = 7)]
    pub version: i64,
}

impl Event for StockLow {
    const TYPE: &'static str = "stock.low";
    fn publisher() -> &'static str {
        "product"
    }
    fn subject(&self) -> String {
        self.variant_id.to_string()
    }
    fn version(&self) -> i64 {
        self.version
    }
}
