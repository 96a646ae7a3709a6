//! Stock, and its movements.

use super::{names::MAX_QUANTITY, publication::storable, variants::Sku};
use crate::ids::{ProductId, VariantId};
use garde::Validate;
use kernel::{
    Cursor, MAX_PAGE, MAX_PER_PAGE, OrderId, Pagination, Request, Tagged, UserId,
    chrono::{DateTime, Utc},
    rules::between,
    text::Line,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// The note of a movement.
pub type Note = Line<255>;

/// The stock of a variant, as admins see it. `on_hand` is `available` and `held` together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stock {
    /// Id of the variant.
    pub variant_id: VariantId,
    /// Pieces that are there.
    #[schema(example = 28)]
    pub on_hand: u32,
    /// Pieces of them that orders hold until they are paid or end.
    #[schema(example = 3)]
    pub held: u32,
    /// Pieces of them that can be sold now.
    #[schema(example = 25)]
    pub available: u32,
    /// Counts the changes, from 1. The `ETag` begins with it.
    #[schema(example = 7)]
    pub version: i64,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// Pieces that can be sold at which, and below which, the stock is low; `null` if it never is.
    #[serde(default)]
    #[schema(required = true, example = 5)]
    pub low_at: Option<u32>,
    /// Whether the stock is low.
    #[serde(default)]
    #[schema(required = true)]
    pub is_low: bool,
}

impl Tagged for Stock {
    const KIND: &'static str = "stock";
    fn id(&self) -> impl fmt::Display {
        self.variant_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Changes of what is known of a variant's stock beside its pieces: a merge patch (RFC 7396). Members that are not sent stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct StockPatch {
    /// Pieces that can be sold at which, and below which, the stock is low. When it becomes so, the event `stock.low` is published, and
    /// the shop gets a mail if its settings say to whom. `null` removes the threshold.
    #[garde(inner(inner(custom(between(0, MAX_QUANTITY.into())))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000, example = 5)]
    pub low_at: Option<Option<i64>>,
}

/// A movement of the stock to make: give either `delta` or `counted`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewMovement {
    /// Pieces that came in, or with a minus went out; not 0. At most as many can go as are available.
    #[garde(inner(custom(between(-i64::from(MAX_QUANTITY), MAX_QUANTITY.into())), custom(not_zero)))]
    #[schema(minimum = -1_000_000, maximum = 1_000_000, example = 12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<i64>,
    /// Pieces that were counted, with those that orders hold; not fewer than these.
    #[garde(inner(custom(between(0, MAX_QUANTITY.into()))))]
    #[schema(minimum = 0, maximum = 1_000_000, example = 28)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<i64>,
    /// Why the pieces of `delta` came or went; `adjusted` if absent. `received` and `returned` only come.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// A note for colleagues, at most 255 characters, such as the number of a delivery.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 255)]
    pub note: Option<Note>,
}

/// Why pieces came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A delivery came in.
    Received,
    /// A customer sent them back.
    Returned,
    /// They were damaged, lost or found, or a number was wrong.
    Adjusted,
}

/// The rule of the stock that a movement breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockRule {
    /// No more pieces can go than are available.
    TooFew,
    /// No fewer pieces can be counted than orders hold.
    FewerThanHeld,
    /// There can be at most 1,000,000 pieces, with those that orders hold.
    TooMany,
}

/// A movement of the stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StockMovement {
    /// Id of the movement; a later one has a higher id.
    #[schema(example = 1)]
    pub id: i64,
    /// Id of the variant.
    pub variant_id: VariantId,
    /// The cause.
    pub kind: MovementKind,
    /// Pieces that came to those that can be sold; with a minus, that left them.
    #[schema(example = -2)]
    pub available_change: i64,
    /// Pieces that came to those that orders hold; with a minus, that left them.
    #[schema(example = 2)]
    pub held_change: i64,
    /// The order that caused it; `null` for others.
    pub order_id: Option<OrderId>,
    /// The admin who made it; `null` for orders and the program itself.
    pub user_id: Option<UserId>,
    /// A note; empty if there is none.
    pub note: String,
    /// Time of the movement.
    pub at: DateTime<Utc>,
}

/// The cause of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// A delivery came in.
    Received,
    /// The pieces were counted, or their number was set.
    Counted,
    /// Pieces were damaged, lost or found, or a number was wrong.
    Adjusted,
    /// An order holds them.
    Held,
    /// An order, or its hold, ended without being paid.
    Released,
    /// An order was paid.
    Sold,
    /// A paid order was cancelled, or a customer sent them back.
    Returned,
}

/// The stock of a variant in a list, with what tells which variant it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StockEntry {
    /// Id of the variant.
    pub variant_id: VariantId,
    /// Id of its product.
    pub product_id: ProductId,
    /// Name of the product, with the values of the variant's options in brackets.
    #[schema(example = "Linen shirt (M, red)")]
    pub name: String,
    /// The shop's number of the variant; `null` if it has none.
    #[schema(example = "SHIRT-M-RED")]
    pub sku: Option<String>,
    /// Pieces that are there.
    #[schema(example = 7)]
    pub on_hand: u32,
    /// Pieces of them that orders hold until they are paid or end.
    #[schema(example = 3)]
    pub held: u32,
    /// Pieces of them that can be sold now.
    #[schema(example = 4)]
    pub available: u32,
    /// Pieces that can be sold at which, and below which, the stock is low; `null` if it never is.
    #[schema(example = 5)]
    pub low_at: Option<u32>,
    /// Whether the stock is low.
    pub is_low: bool,
}

/// A page of the stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StockPage {
    /// Stock of this page, by ids of variants.
    pub stock: Vec<StockEntry>,
    /// Position of the page in the list.
    pub pagination: Pagination,
}

/// Which stock to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListStock {
    /// Number of the page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// The `next_cursor` of the page before, with the same filters and `per_page`; in place of `page`. However far down the list, it
    /// takes no longer than the first page.
    #[garde(skip)]
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,4096}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Variants on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// `true`: only stock that is low; `false`: only stock that is not.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<bool>,
    /// Only variants whose SKU begins with this text. Case is ignored.
    #[garde(dive)]
    #[param(value_type = Option<String>, format = "line", max_length = 64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Only variants of this product.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
}

/// Which movements to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListMovements {
    /// Number of the page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// The `next_cursor` of the page before, with the same filters and `per_page`; in place of `page`. However far down the list, it
    /// takes no longer than the first page.
    #[garde(skip)]
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,4096}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Movements on a page, 1 to 100.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only movements of this variant.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Only movements of this cause.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MovementKind>,
    /// Only movements of this order.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Only movements from this time on.
    #[garde(inner(custom(storable)))]
    #[param(example = "2026-11-01T00:00:00Z")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Only movements before this time, which is after `from`.
    #[garde(inner(custom(storable)))]
    #[param(example = "2026-12-01T00:00:00Z")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// A page of movements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MovementPage {
    /// Movements of this page, the newest first.
    pub movements: Vec<StockMovement>,
    /// Position of the page in the list.
    pub pagination: Pagination,
}

fn not_zero<C>(delta: &i64, _: &C) -> garde::Result {
    if *delta == 0 { Err(garde::Error::new("must not be 0")) } else { Ok(()) }
}
