use garde::Validate;
use kernel::{
    Amount, AmountText, Currency, MAX_PAGE, MAX_PER_PAGE, OrderId, Pagination, Request,
    chrono::{DateTime, Utc},
    rules::between,
    text::{Line, Text},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt};
use utoipa::{IntoParams, ToSchema};

kernel::int_id!(
    /// A product.
    ProductId
);
kernel::int_id!(
    /// A category.
    CategoryId
);

/// The largest stock and the largest quantity of a line.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// The highest price, in minor units of the shop's currency: 99,999,999.99 EUR, 9,999,999,999 VND.
pub const MAX_PRICE_MINOR: i64 = 9_999_999_999;

/// The name of a product.
pub type ProductName = Line<255>;
/// The description of a product.
pub type Description = Text<10_000>;
/// The name of a category.
pub type CategoryName = Line<100>;

/// A product as everyone sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Name, 1 to 255 characters.
    #[schema(example = "Copper coffee pot")]
    pub name: String,
    /// Description; may be empty.
    pub description: String,
    /// Price of one piece, in `currency`.
    pub price: Amount,
    /// Currency of the price: the shop's.
    pub currency: Currency,
    /// Its category, if any.
    pub category_id: Option<CategoryId>,
    /// Pieces that can be sold now; held ones are not among them.
    #[schema(example = 25)]
    pub stock_quantity: u32,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last changed, its stock included.
    pub updated_at: DateTime<Utc>,
}

/// A page of products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductPage {
    /// The products.
    pub products: Vec<Product>,
    /// Where in the list the page is.
    pub pagination: Pagination,
}

/// Which products to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListProducts {
    /// Page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Products on a page, 1 to 100. With `ids` the default is all of them.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only products of this category and the ones below it.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_id: Option<CategoryId>,
    /// Only products that have all of these words, or words that begin with them, in name or description; and products whose name
    /// contains this text as it is, also in the middle of a word. Case does not matter. All characters are ordinary: between words
    /// they separate, in the text of the name they count. Without `sort` the best comes first: the whole name, the beginning of the
    /// name, words of the name, other parts of the name, the description.
    #[garde(dive)]
    #[param(value_type = Option<String>, max_length = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Line<100>>,
    /// Only these products: at most 100 ids, separated by commas. Without any the list is empty.
    #[garde(skip)]
    #[param(value_type = Option<String>, example = "1,2,3", pattern = "^( *[0-9]+ *(, *[0-9]+ *){0,99})?$")]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
    /// Order, by one to five of `id`, `name`, `price`, `stock_quantity`, `created_at`; `-` before it reverses it. Names are in the
    /// order in which people look for them, whatever their case and accents (the root collation of Unicode).
    #[garde(skip)]
    #[param(
        value_type = Option<String>,
        example = "-price,name",
        pattern = "^(-?(id|name|price|stock_quantity|created_at)(,-?(id|name|price|stock_quantity|created_at)){0,4})?$"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
    /// Only products of at least this price.
    #[garde(skip)]
    #[param(value_type = Option<f64>, example = 10.5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_price: Option<AmountText>,
    /// Only products of at most this price.
    #[garde(skip)]
    #[param(value_type = Option<f64>, example = 99)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<AmountText>,
}

/// Ids in a query string: `1,2,3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ids(Vec<ProductId>);

impl Ids {
    /// The most ids of one query.
    pub const MAX: usize = 100;

    /// These ids, without repetition. None of them is a list, too: that of no product.
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

/// A list of ids without any is not the same as none.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ids>, D::Error> {
    Ids::deserialize(deserializer).map(Some)
}

/// A field that products can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    /// By id: the order in which they were added.
    Id,
    /// By name.
    Name,
    /// By price.
    Price,
    /// By stock.
    StockQuantity,
    /// By the time when they were added.
    CreatedAt,
}

impl SortField {
    const ALL: [(SortField, &'static str); 5] = [
        (SortField::Id, "id"),
        (SortField::Name, "name"),
        (SortField::Price, "price"),
        (SortField::StockQuantity, "stock_quantity"),
        (SortField::CreatedAt, "created_at"),
    ];
}

/// An order of products in a query string: `-price,name`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort(Vec<(SortField, bool)>);

impl Sort {
    /// The fields, each with whether it is reversed.
    pub fn fields(&self) -> &[(SortField, bool)] {
        &self.0
    }
}

impl Serialize for Sort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = |field| SortField::ALL.iter().find(|(f, _)| *f == field).map_or("", |(_, name)| name);
        let fields = self.0.iter().map(|&(field, reversed)| format!("{}{}", if reversed { "-" } else { "" }, name(field)));
        serializer.serialize_str(&fields.collect::<Vec<_>>().join(","))
    }
}

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let field = |word: &str| {
            let name = word.strip_prefix('-').unwrap_or(word);
            let field = SortField::ALL.iter().find(|(_, n)| *n == name)?.0;
            Some((field, word.starts_with('-')))
        };
        let fields: Option<Vec<_>> = text.split(',').map(field).collect();
        match fields {
            Some(fields) if fields.len() <= SortField::ALL.len() => Ok(Self(fields)),
            _ => {
                let names: Vec<_> = SortField::ALL.iter().map(|(_, name)| *name).collect();
                Err(D::Error::custom(format!(
                    "must be fields separated by commas, out of {}, each with or without -",
                    names.join(", ")
                )))
            }
        }
    }
}

/// A product to be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// Name, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "Copper coffee pot")]
    pub name: ProductName,
    /// Description, at most 10,000 characters; empty if not given.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    pub description: Option<Description>,
    /// Price of one piece: from 0 to the 9,999,999,999 smallest units of the shop's currency, which are 99,999,999.99 EUR or
    /// 9,999,999,999 VND, and with no more decimals than the currency has.
    #[garde(custom(not_negative))]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub price: Amount,
    /// Must be the shop's currency, if given.
    #[garde(skip)]
    pub currency: Option<Currency>,
    /// Its category.
    #[garde(dive)]
    pub category_id: Option<CategoryId>,
    /// Pieces that can be sold; 0 if not given.
    #[garde(custom(between(0, MAX_QUANTITY.into())))]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000, example = 25)]
    pub stock_quantity: i64,
}

/// What a product is changed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ProductChange {
    /// Name, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 255, example = "Copper coffee pot")]
    pub name: ProductName,
    /// Description, at most 10,000 characters; empty if not given.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    pub description: Option<Description>,
    /// Price of one piece: from 0 to the 9,999,999,999 smallest units of the shop's currency, which are 99,999,999.99 EUR or
    /// 9,999,999,999 VND, and with no more decimals than the currency has.
    #[garde(custom(not_negative))]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub price: Amount,
    /// Its category; none if not given.
    #[garde(dive)]
    pub category_id: Option<CategoryId>,
}

/// The stock of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetStock {
    /// Pieces that can be sold from now on.
    #[garde(custom(between(0, MAX_QUANTITY.into())))]
    #[schema(minimum = 0, maximum = 1_000_000, example = 25)]
    pub quantity: i64,
}

/// A category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// Name, 1 to 100 characters.
    #[schema(example = "Kitchen")]
    pub name: String,
    /// The category above it; none at the top.
    pub parent_id: Option<CategoryId>,
}

/// A category to be added, or what one is changed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// Name, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Kitchen")]
    pub name: CategoryName,
    /// The category above it; none at the top.
    #[garde(dive)]
    pub parent_id: Option<CategoryId>,
}

/// What an order wants to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// The lines, each of another product.
    #[garde(length(min = 1, max = 100), dive)]
    pub lines: Vec<HoldLine>,
    /// When the stock is freed by itself.
    #[garde(skip)]
    pub expires_at: DateTime<Utc>,
}

/// A line of a [`HoldRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct HoldLine {
    /// Which product.
    #[garde(dive)]
    pub product_id: ProductId,
    /// How many pieces.
    #[garde(custom(between(1, MAX_QUANTITY)))]
    pub quantity: u32,
}

/// Stock that is held for an order, with the names and prices of that moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// For which order.
    pub order_id: OrderId,
    /// Currency of the prices.
    pub currency: Currency,
    /// The lines, sorted by product.
    pub lines: Vec<HeldLine>,
    /// When the stock is freed by itself.
    pub expires_at: DateTime<Utc>,
}

/// A line of a [`Hold`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeldLine {
    /// Which product.
    pub product_id: ProductId,
    /// Its name when it was held.
    pub name: String,
    /// Its price when it was held.
    pub unit_price: Amount,
    /// How many pieces.
    pub quantity: u32,
}

/// A line that asks for more than there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shortage {
    /// Which product.
    pub product_id: ProductId,
    /// Pieces that were asked for.
    pub requested: u32,
    /// Pieces that are left; 0 when the product no longer exists.
    pub available: u32,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of product {} left", self.available, self.product_id)
    }
}

/// What is too much depends on the currency: see `rules.rs`.
fn not_negative<C>(price: &Amount, _: &C) -> garde::Result {
    if *price >= Amount::ZERO { Ok(()) } else { Err(garde::Error::new("must be at least 0")) }
}
