use garde::Validate;
use kernel::{
    Amount, Currency, Request,
    chrono::{DateTime, Utc},
};
use product::{MAX_QUANTITY, ProductId, VariantId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A cart, as its user is shown it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cart {
    /// The lines, in the order in which they were added.
    pub items: Vec<CartItem>,
    /// Sum of the subtotals of the lines that can be ordered, in `currency`; 0 without such lines.
    pub total_amount: Amount,
    /// Sum of the quantities of the lines that can be ordered.
    pub total_items: u32,
    /// Currency of all amounts; `null` while the cart is empty.
    pub currency: Option<Currency>,
    /// Whether the product module could not be reached. Names and prices are then the last known ones, and stock is `null`.
    pub stale: bool,
    /// Time at which the first line was added; `null` while the cart is empty.
    pub created_at: Option<DateTime<Utc>>,
    /// Time of the last change; `null` while the cart is empty.
    pub updated_at: Option<DateTime<Utc>>,
    /// Time at which the cart is emptied unless it is used before; `null` while the cart is empty.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A line of a cart: a product and its quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CartItem {
    /// Id of the product.
    pub product_id: ProductId,
    /// Id of the variant, which also names the line; absent if the product has no options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Number of pieces, 1 to 1,000,000.
    pub quantity: u32,
    /// Name of the product, with the values of the options; `Product Unavailable` when it is no longer sold.
    pub product_name: String,
    /// Price of one piece, in the currency of the cart; 0 when the product is no longer sold.
    pub product_price: Amount,
    /// Price of all pieces: `quantity` times `product_price`.
    pub subtotal: Amount,
    /// Pieces in stock; 0 when the product is no longer sold, `null` when the stock is not known.
    pub stock_available: Option<u32>,
    /// Whether the product is no longer sold.
    pub unavailable: bool,
    /// Whether the line would raise the total above the highest amount. It then counts in no total, and cannot be ordered until
    /// its quantity is lower. Its subtotal is 0 if it is above the highest amount by itself.
    #[serde(default)]
    #[schema(required)]
    pub too_dear: bool,
    /// Time at which the line was added.
    pub added_at: DateTime<Utc>,
    /// Time of the last change of the quantity.
    pub updated_at: DateTime<Utc>,
}

/// A product to add to a cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// Id of the product.
    #[garde(dive)]
    pub product_id: ProductId,
    /// Id of the variant; may be left out if the product has no options.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Number of pieces, 1 to 1,000,000.
    #[garde(custom(positive))]
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    pub quantity: i64,
}

#[cfg(feature = "server")]
impl AddItem {
    /// The variant to add.
    pub(crate) fn variant(&self) -> VariantId {
        self.variant_id.unwrap_or(self.product_id.first_variant())
    }
}

/// The new quantity of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ChangeItem {
    /// Number of pieces, at most 1,000,000; 0 removes the line.
    #[garde(custom(not_negative))]
    #[schema(minimum = 0, maximum = 1_000_000, example = 3)]
    pub quantity: i64,
}

/// Confirmation that a cart was emptied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cleared {
    /// Confirmation as a sentence.
    #[schema(example = "Cart cleared successfully")]
    pub message: String,
}

/// Result of a validation: whether a cart can be ordered as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// The cart, at current prices.
    pub cart: Cart,
    /// Whether the cart has a line and no issues.
    pub is_valid: bool,
    /// Reasons why the cart cannot be ordered as it was last shown; empty when there are none.
    pub validation_issues: Vec<Issue>,
}

/// A reason why a line cannot be ordered as it was last shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Issue {
    /// Id of the line's product.
    pub product_id: ProductId,
    /// Id of the line's variant; absent if the product has no options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// The reason as a sentence.
    #[schema(example = "Only 1 items available, requested 3")]
    pub issue: String,
}

/// The lines of a cart, with the names and prices that its user was last shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The lines, sorted by product and variant; none when the cart is empty.
    pub lines: Vec<SnapshotLine>,
    /// Version of the cart: it grows with every change and never repeats; 0 when the cart is empty.
    pub version: i64,
}

/// A line of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotLine {
    /// Id of the product.
    pub product_id: ProductId,
    /// Id of the variant; absent if the product has no options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Number of pieces, 1 to 1,000,000.
    pub quantity: u32,
    /// Name that the user was last shown.
    pub product_name: String,
    /// Price of one piece that the user was last shown, in `currency`.
    pub unit_price: Amount,
    /// Currency of the price.
    pub currency: Currency,
}

/// A version of a cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct CartVersion {
    /// Version of the ordered [`Snapshot`].
    #[garde(skip)]
    pub version: i64,
}

fn positive<C>(quantity: &i64, cx: &C) -> garde::Result {
    if *quantity < 1 { Err(garde::Error::new("Quantity must be positive")) } else { not_negative(quantity, cx) }
}

fn not_negative<C>(quantity: &i64, _: &C) -> garde::Result {
    match quantity {
        ..0 => Err(garde::Error::new("Quantity cannot be negative")),
        _ if *quantity > MAX_QUANTITY.into() => Err(garde::Error::new(format!("must be at most {MAX_QUANTITY}"))),
        _ => Ok(()),
    }
}
