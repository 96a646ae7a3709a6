use garde::Validate;
use kernel::{
    Amount, Currency, Request,
    chrono::{DateTime, Utc},
};
use product::{MAX_QUANTITY, ProductId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A cart as its user sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cart {
    /// The lines, in the order in which they were added.
    pub items: Vec<CartItem>,
    /// Sum of the subtotals of the lines that can be bought.
    pub total_amount: Amount,
    /// Pieces in the lines that can be bought.
    pub total_items: u32,
    /// Currency of all amounts; none while the cart is empty.
    pub currency: Option<Currency>,
    /// Whether products could not be reached, so that names, prices and stock are the last known ones.
    pub stale: bool,
    /// When the first line was added; none while the cart is empty.
    pub created_at: Option<DateTime<Utc>>,
    /// When the cart was last changed; none while the cart is empty.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the cart is emptied unless it is used before; none while the cart is empty.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A line of a cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CartItem {
    /// Which product.
    pub product_id: ProductId,
    /// How many pieces.
    pub quantity: u32,
    /// Its name; `Product Unavailable` when it is no longer sold.
    pub product_name: String,
    /// Its price; 0 when it is no longer sold.
    pub product_price: Amount,
    /// Price of all pieces.
    pub subtotal: Amount,
    /// Pieces that are left, 0 when it is no longer sold; none when that is not known.
    pub stock_available: Option<u32>,
    /// Whether the product is no longer sold.
    pub unavailable: bool,
    /// Whether the line makes the cart cost more than can be paid: it is in no total, and cannot be ordered before there are fewer
    /// pieces in it. Its subtotal is 0 if it is too much by itself.
    #[serde(default)]
    #[schema(required)]
    pub too_dear: bool,
    /// When the line was added.
    pub added_at: DateTime<Utc>,
    /// When the line was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A product to be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// Which product.
    #[garde(dive)]
    pub product_id: ProductId,
    /// How many pieces, at least 1.
    #[garde(custom(positive))]
    #[schema(minimum = 1, maximum = 1_000_000, example = 2)]
    pub quantity: i64,
}

/// A new quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ChangeItem {
    /// How many pieces; 0 removes the line.
    #[garde(custom(not_negative))]
    #[schema(minimum = 0, maximum = 1_000_000, example = 3)]
    pub quantity: i64,
}

/// That a cart is empty now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cleared {
    /// In words.
    #[schema(example = "Cart cleared successfully")]
    pub message: String,
}

/// Whether a cart can be ordered as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// The cart.
    pub cart: Cart,
    /// Whether it has a line, and nothing speaks against ordering it.
    pub is_valid: bool,
    /// What there is to say.
    pub validation_issues: Vec<Issue>,
}

/// Something that keeps a line from being ordered as it was last seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Issue {
    /// Of which product.
    pub product_id: ProductId,
    /// What, in words.
    #[schema(example = "Only 1 items available, requested 3")]
    pub issue: String,
}

/// The lines of a cart as its user last saw them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The lines, sorted by product.
    pub lines: Vec<SnapshotLine>,
    /// Grows with every change of the cart.
    pub version: i64,
}

/// A line of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotLine {
    /// Which product.
    pub product_id: ProductId,
    /// How many pieces.
    pub quantity: u32,
    /// The name that the user last saw.
    pub product_name: String,
    /// The price that the user last saw.
    pub unit_price: Amount,
    /// Its currency.
    pub currency: Currency,
}

/// A version of a cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct CartVersion {
    /// As in [`Snapshot`].
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
