mod attributes;
mod facets;
mod imports;
mod media;
mod names;
mod publication;
mod slug;
mod stock;
mod translations;
mod variants;

pub use attributes::*;
pub use facets::*;
pub use imports::*;
pub use media::*;
pub use names::*;
pub use publication::{ProductStatus, StatusFilter};
pub use slug::Slug;
pub use stock::*;
pub use translations::*;
pub use variants::*;

use self::variants::not_negative;
use crate::{
    ids::{CategoryId, Ids, ProductId, VariantId},
    sort::ProductSort,
};
use garde::Validate;
use kernel::{
    Amount, AmountText, Currency, Cursor, MAX_PAGE, MAX_PER_PAGE, OrderId, Pagination, Request, Tagged,
    chrono::{DateTime, Utc},
    rules::{between, items},
    text::Line,
};
use publication::storable;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// The highest price, in minor units of the shop's currency: 99,999,999.99 EUR, 9,999,999,999 VND.
pub const MAX_PRICE_MINOR: i64 = 9_999_999_999;

/// The most tags of a product.
pub const MAX_TAGS: usize = 20;
/// The highest position of a category.
pub const MAX_POSITION: i64 = 1_000_000;

/// A product as everyone sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Id of the product.
    pub id: ProductId,
    /// Name, 1 to 255 characters.
    #[schema(example = "Copper coffee pot")]
    pub name: String,
    /// Language of the name: a BCP 47 tag. Other texts are in another one, if they are not translated into this. `und` (not known) only
    /// while an upgrade is under way.
    #[serde(default = "unknown_language")]
    #[schema(required = true, example = "en")]
    pub language: String,
    /// Description, at most 10,000 characters; empty when there is none, and in lists of `view=short`.
    pub description: String,
    /// Price of one piece, in `currency`: of the cheapest variant, if there are several.
    pub price: Amount,
    /// Currency of the price: the shop's.
    pub currency: Currency,
    /// Id of the category; `null` when the product is in none.
    pub category_id: Option<CategoryId>,
    /// Pieces that can be sold now, of all variants, without the pieces held by orders.
    #[schema(example = 25)]
    pub stock_quantity: u32,
    /// The options, in which the variants differ; absent if there are none, and in lists without variants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub options: Vec<ProductOption>,
    /// What is sold, in the order in which it is shown: one variant if there are no options. Lists have it only if they are asked for
    /// it (`variants=true`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variants: Option<Vec<Variant>>,
    /// The last part of the address of its page; `null` for the minute after an upgrade in which existing products get theirs.
    #[serde(default)]
    #[schema(required = true, example = "copper-coffee-pot")]
    pub slug: Option<String>,
    /// Brand; `null` if it has none.
    #[serde(default)]
    #[schema(required = true, example = "Atlas")]
    pub brand: Option<String>,
    /// Tags, in the order in which they are shown.
    #[serde(default)]
    #[schema(required = true, example = json!(["handmade", "gift"]))]
    pub tags: Vec<String>,
    /// Its attributes: code and value of each. `GET /api/attributes` has their names, kinds and units.
    #[serde(default)]
    #[schema(required = true, example = json!({"material": "wool", "width_cm": 70, "washable": true}))]
    pub attributes: AttributeValues,
    /// Title for search engines; `null` if it has none of its own.
    #[serde(default)]
    #[schema(required = true)]
    pub seo_title: Option<String>,
    /// Description for search engines; `null` if it has none of its own.
    #[serde(default)]
    #[schema(required = true)]
    pub seo_description: Option<String>,
    /// Whether the product is shown. All but admins see active products only.
    #[serde(default)]
    #[schema(required = true)]
    pub status: ProductStatus,
    /// Time from which an active product is shown; `null` for always.
    #[serde(default)]
    #[schema(required = true)]
    pub published_from: Option<DateTime<Utc>>,
    /// Time from which it is no longer shown; `null` for never.
    #[serde(default)]
    #[schema(required = true)]
    pub published_until: Option<DateTime<Utc>>,
    /// Pictures, in the order in which they are shown; in lists the first one only.
    #[serde(default)]
    #[schema(required = true)]
    pub pictures: Vec<Picture>,
    /// Counts the changes of everything but the stock, from 1. The `ETag` begins with it.
    #[serde(default)]
    #[schema(required = true, example = 1)]
    pub version: i64,
    /// Time at which the product was added.
    pub created_at: DateTime<Utc>,
    /// Time of the last change of the product or its stock.
    pub updated_at: DateTime<Utc>,
}

/// In answers of a release that knows one language.
fn unknown_language() -> String {
    "und".into()
}

impl Tagged for Product {
    const KIND: &'static str = "product";
    fn id(&self) -> impl fmt::Display {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A page of products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductPage {
    /// Products of this page, in the requested order.
    pub products: Vec<Product>,
    /// Position of the page in the list.
    pub pagination: Pagination,
    /// How many products of the whole list have which values, in the order in which the facets were asked for; absent if none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facets: Option<Vec<Facet>>,
}

/// How much of each product a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductView {
    /// Everything but variants, which are asked for by `variants`.
    Full,
    /// Without long texts: `description` is empty, and `seo_description` is `null`.
    Short,
}

/// Which products to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListProducts {
    /// Number of the page, from 1.
    #[garde(inner(custom(between(1, MAX_PAGE))))]
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// The `next_cursor` of the page before, with the same filters, `sort` and `per_page`; in place of `page`. However far down the
    /// list, it takes no longer than the first page; with `search` and without `sort` it does.
    #[garde(skip)]
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,4096}$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Products on a page, 1 to 100. With `ids` the default is the number of ids.
    #[garde(inner(custom(between(1, MAX_PER_PAGE))))]
    #[param(minimum = 1, maximum = 100, default = 10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_page: Option<i64>,
    /// Only products of this category and the categories below it.
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_id: Option<CategoryId>,
    /// Only products whose name and description together contain all of these words, or words that begin with them, and products
    /// whose name contains this text literally, also in the middle of a word. Words of translations are found like those of the
    /// description, in every language. Case is ignored. No character is an operator:
    /// punctuation separates words, and is part of the literal text. Without `sort` the best matches come first: the whole name,
    /// the beginning of the name, words of the name, other parts of the name, the description.
    #[garde(dive)]
    #[param(value_type = Option<String>, format = "line", max_length = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Line<100>>,
    /// Only these products: at most 100 ids, separated by commas. With an empty text the list is empty.
    #[garde(skip)]
    #[param(value_type = Option<String>, example = "1,2,3", pattern = "^( *[0-9]+ *(, *[0-9]+ *){0,99})?$")]
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
    /// Sort order: one to five of `id`, `name`, `price`, `stock_quantity`, `created_at`, each with `-` before it for descending
    /// order. Names are sorted alphabetically, by letters first, then accents, then case (the root collation of Unicode); also when they
    /// are shown in another language, they are sorted as they are in the shop's own.
    #[garde(skip)]
    #[param(
        value_type = Option<String>,
        example = "-price,name",
        pattern = "^(-?(id|name|price|stock_quantity|created_at)(,-?(id|name|price|stock_quantity|created_at)){0,4})?$"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<ProductSort>,
    /// Only products with at least this price, in the shop's currency.
    #[garde(skip)]
    #[param(value_type = Option<f64>, example = 10.5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_price: Option<AmountText>,
    /// Only products with at most this price, in the shop's currency.
    #[garde(skip)]
    #[param(value_type = Option<f64>, example = 99)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<AmountText>,
    /// Whether each product comes with its options and variants.
    #[garde(skip)]
    #[param(default = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variants: Option<bool>,
    /// Only products of this brand. Case is ignored.
    #[garde(dive)]
    #[param(value_type = Option<String>, format = "line", max_length = 80)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<Brand>,
    /// Only products with this tag. Case is ignored.
    #[garde(dive)]
    #[param(value_type = Option<String>, format = "line", max_length = 40)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// `true`: only products of which pieces can be sold; `false`: only those of which none can.
    #[garde(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_stock: Option<bool>,
    /// Only products with these attributes: pairs of an attribute's code and a value, separated by commas. The value is the code of a choice,
    /// `true` or `false`, a number, or a range of numbers of which one end may be missing. Of several values of one attribute a product must
    /// have one, and it must have each attribute. At most 20 pairs.
    #[garde(skip)]
    #[param(
        value_type = Option<String>,
        example = "material:wool,material:linen,width_cm:50..80",
        pattern = "^( *[-_a-z0-9]+ *: *[-_.a-z0-9]+ *(, *[-_a-z0-9]+ *: *[-_.a-z0-9]+ *){0,19})?$"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<AttributeFilter>,
    /// Only products with a variant that has these values for its options: pairs of an option's name and a value, separated by commas, with
    /// `\\` before `,`, `:` and `\\` in them. Case is ignored. Of several values of one option the variant must have one, and it must have
    /// each option. With `in_stock=true` pieces of this variant can be sold. At most 20 pairs.
    #[garde(skip)]
    #[param(
        value_type = Option<String>,
        example = "Size:M,Colour:Red",
        pattern = r"^(([^\\,:]|\\.)+:([^\\,]|\\.)+(,([^\\,:]|\\.)+:([^\\,]|\\.)+){0,19})?$"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<OptionFilter>,
    /// What to count the products of the whole list by: some of `category`, `brand`, `tag`, `price`, `in_stock`, `option` and `attribute`,
    /// separated by commas. The first page is enough to ask for it.
    #[garde(skip)]
    #[param(
        value_type = Option<String>,
        example = "brand,price,attribute",
        pattern = "^((category|brand|tag|price|in_stock|option|attribute)(,(category|brand|tag|price|in_stock|option|attribute))*)?$"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<FacetKinds>,
    /// How much of each product the list has.
    #[garde(skip)]
    #[param(inline, default = "full")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<ProductView>,
    /// Only products of this status; only admins may ask. Without it everybody gets what is shown now.
    #[garde(skip)]
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusFilter>,
}

/// An empty list of ids is not the same as no list.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ids>, D::Error> {
    Ids::deserialize(deserializer).map(Some)
}

/// Tags where absent ones are left alone; `null` leaves none.
fn tags_if_sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Tag>>, D::Error> {
    kernel::optional::or_default(deserializer).map(Some)
}

/// A product to add.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// Name, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 255, example = "Copper coffee pot")]
    pub name: ProductName,
    /// Description, at most 10,000 characters; empty if absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Description>,
    /// Price of one piece in the shop's currency, from 0 to 9,999,999,999 of its smallest units (99,999,999.99 EUR or
    /// 9,999,999,999 VND), with no more decimals than the currency has.
    #[garde(custom(not_negative))]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub price: Amount,
    /// Currency of the price; must be the shop's, which is also the default.
    #[garde(skip)]
    pub currency: Option<Currency>,
    /// Id of the category; absent for none.
    #[garde(dive)]
    pub category_id: Option<CategoryId>,
    /// Pieces that can be sold; 0 if absent.
    #[garde(custom(between(0, MAX_QUANTITY.into())))]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000, example = 25)]
    pub stock_quantity: i64,
    /// The last part of the address of its page: 1 to 100 letters `a` to `z`, digits, and single hyphens between them. No other product
    /// has it or had it before. If absent it is made from the name.
    #[garde(skip)]
    #[serde(default, deserialize_with = "slug::optional", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length = 100, example = "copper-coffee-pot")]
    pub slug: Option<Slug>,
    /// Whether the product is shown; `active` if absent. What is not `active` is seen by admins only, and cannot be bought.
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProductStatus>,
    /// Time from which an active product is shown; absent for at once.
    #[garde(inner(custom(storable)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-12-01T08:00:00Z")]
    pub published_from: Option<DateTime<Utc>>,
    /// Time from which it is no longer shown, after `published_from`; absent for never.
    #[garde(inner(custom(storable)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2036-12-24T18:00:00Z")]
    pub published_until: Option<DateTime<Utc>>,
    /// Brand, at most 80 characters; none if absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 80, example = "Atlas")]
    pub brand: Option<Brand>,
    /// Tags, at most 20 in the order in which they are shown, each of 1 to 40 characters; no two are equal but for their case. None if
    /// absent.
    #[garde(custom(items(0, MAX_TAGS)), dive)]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20, example = json!(["handmade", "gift"]))]
    pub tags: Vec<Tag>,
    /// Attributes: code and value of each, at most 50, each of the kind that the attribute has. None if absent. What is `active` must have
    /// those that its category, or one above it, requires.
    #[garde(length(max = MAX_ATTRIBUTES_OF_PRODUCT))]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "AttributeValues::is_empty")]
    #[schema(value_type = Option<AttributeValues>, example = json!({"material": "wool", "width_cm": 70, "washable": true}))]
    pub attributes: AttributeValues,
    /// Title for search engines, at most 70 characters; none if absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 70)]
    pub seo_title: Option<SeoTitle>,
    /// Description for search engines, at most 200 characters; none if absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 200)]
    pub seo_description: Option<SeoDescription>,
}

/// The replacement of a product, without its stock. Members from `slug` on stay as they are if they are absent: clients of before do
/// not know them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ProductChange {
    /// Name, 1 to 255 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 255, example = "Copper coffee pot")]
    pub name: ProductName,
    /// Description, at most 10,000 characters; empty if absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Description>,
    /// Price of one piece in the shop's currency, from 0 to 9,999,999,999 of its smallest units (99,999,999.99 EUR or
    /// 9,999,999,999 VND), with no more decimals than the currency has. If absent, the price stays. A product with options has no
    /// price of its own: leave it out, or send the one that is shown.
    #[garde(inner(custom(not_negative)))]
    #[schema(value_type = Option<f64>, minimum = 0, example = 29.99)]
    pub price: Option<Amount>,
    /// Id of the category; absent for none.
    #[garde(dive)]
    pub category_id: Option<CategoryId>,
    /// The last part of the address of its page, as for a new product. If absent it stays as it is. The slug of before leads to the
    /// product, too.
    #[garde(skip)]
    #[serde(default, deserialize_with = "slug::optional", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length = 100, example = "copper-coffee-pot")]
    pub slug: Option<Slug>,
    /// Whether the product is shown. If absent it stays as it is: clients that do not know it must not publish drafts. It cannot be
    /// removed.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ProductStatus, required = false)]
    pub status: Option<ProductStatus>,
    /// Time from which an active product is shown; `null` for at once. If absent it stays as it is.
    #[garde(inner(inner(custom(storable))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2026-12-01T08:00:00Z")]
    pub published_from: Option<Option<DateTime<Utc>>>,
    /// Time from which it is no longer shown, after `published_from`; `null` for never. If absent it stays as it is.
    #[garde(inner(inner(custom(storable))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2036-12-24T18:00:00Z")]
    pub published_until: Option<Option<DateTime<Utc>>>,
    /// Brand, at most 80 characters; `null` or an empty text removes it. If absent it stays as it is.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 80, example = "Atlas")]
    pub brand: Option<Option<Brand>>,
    /// Tags, at most 20 in the order in which they are shown, each of 1 to 40 characters; no two are equal but for their case. `null`
    /// removes all. If absent they stay as they are.
    #[garde(custom(items(0, MAX_TAGS)), dive)]
    #[serde(default, deserialize_with = "tags_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20, example = json!(["handmade", "gift"]))]
    pub tags: Option<Vec<Tag>>,
    /// Attributes: code and value of each, at most 50. They replace those that the product has; `null` removes all. If absent they stay
    /// as they are.
    #[garde(inner(inner(length(max = MAX_ATTRIBUTES_OF_PRODUCT))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AttributeValues>, example = json!({"material": "wool", "width_cm": 70, "washable": true}))]
    pub attributes: Option<Option<AttributeValues>>,
    /// Title for search engines, at most 70 characters; `null` or an empty text removes it. If absent it stays as it is.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 70)]
    pub seo_title: Option<Option<SeoTitle>>,
    /// Description for search engines, at most 200 characters; `null` or an empty text removes it. If absent it stays as it is.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 200)]
    pub seo_description: Option<Option<SeoDescription>>,
}

/// Changes of a product, without its stock: a merge patch (RFC 7396). Members that are not sent stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ProductPatch {
    /// Name, 1 to 255 characters. It cannot be removed.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 255, example = "Copper coffee pot")]
    pub name: Option<ProductName>,
    /// Description, at most 10,000 characters. `null` or an empty text removes it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Option<Description>>,
    /// Price of one piece in the shop's currency, as for a new product. It cannot be removed.
    #[garde(inner(custom(not_negative)))]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub price: Option<Amount>,
    /// Id of the category. `null` takes the product out of its category.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CategoryId>)]
    pub category_id: Option<Option<CategoryId>>,
    /// The last part of the address of its page, as for a new product. The slug of before leads to the product, too. It cannot be
    /// removed.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 100, example = "copper-coffee-pot")]
    pub slug: Option<Slug>,
    /// Whether the product is shown. It cannot be removed.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ProductStatus)]
    pub status: Option<ProductStatus>,
    /// Time from which an active product is shown; `null` for at once.
    #[garde(inner(inner(custom(storable))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2026-12-01T08:00:00Z")]
    pub published_from: Option<Option<DateTime<Utc>>>,
    /// Time from which it is no longer shown, after `published_from`; `null` for never.
    #[garde(inner(inner(custom(storable))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>, example = "2036-12-24T18:00:00Z")]
    pub published_until: Option<Option<DateTime<Utc>>>,
    /// Brand, at most 80 characters; `null` or an empty text removes it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 80, example = "Atlas")]
    pub brand: Option<Option<Brand>>,
    /// Tags, at most 20 in the order in which they are shown, each of 1 to 40 characters; no two are equal but for their case. `null`
    /// removes all.
    #[garde(custom(items(0, MAX_TAGS)), dive)]
    #[serde(default, deserialize_with = "tags_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20, example = json!(["handmade", "gift"]))]
    pub tags: Option<Vec<Tag>>,
    /// Attributes to change: code and value of each. Those with `null` are removed, and those that are not sent stay as they are; `null` in
    /// place of the object removes all.
    #[garde(inner(inner(length(max = MAX_ATTRIBUTES_OF_PRODUCT))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AttributeChanges>, example = json!({"material": "linen", "washable": null}))]
    pub attributes: Option<Option<AttributeChanges>>,
    /// Title for search engines, at most 70 characters; `null` or an empty text removes it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 70)]
    pub seo_title: Option<Option<SeoTitle>>,
    /// Description for search engines, at most 200 characters; `null` or an empty text removes it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 200)]
    pub seo_description: Option<Option<SeoDescription>>,
}

/// A replacement is the patch with all members that it must have, and those that were sent; but for the attributes, which a patch
/// merges.
impl From<ProductChange> for ProductPatch {
    fn from(change: ProductChange) -> Self {
        Self {
            attributes: None,
            name: Some(change.name),
            description: Some(change.description),
            price: change.price,
            category_id: Some(change.category_id),
            brand: change.brand,
            tags: change.tags,
            seo_title: change.seo_title,
            seo_description: change.seo_description,
            slug: change.slug,
            status: change.status,
            published_from: change.published_from,
            published_until: change.published_until,
        }
    }
}

/// The new stock of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetStock {
    /// Pieces that can be sold from now on, without the pieces held by orders.
    #[garde(custom(between(0, MAX_QUANTITY.into())))]
    #[schema(minimum = 0, maximum = 1_000_000, example = 25)]
    pub quantity: i64,
}

/// A category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Id of the category.
    pub id: CategoryId,
    /// Name, 1 to 100 characters.
    #[schema(example = "Kitchen")]
    pub name: String,
    /// Language of the name: a BCP 47 tag. The description is in another one, if it is not translated into this. `und` (not known) only
    /// while an upgrade is under way.
    #[serde(default = "unknown_language")]
    #[schema(required = true, example = "en")]
    pub language: String,
    /// Description, at most 10,000 characters; empty when there is none.
    #[serde(default)]
    #[schema(required = true)]
    pub description: String,
    /// Id of the parent category; `null` at the top of the tree.
    pub parent_id: Option<CategoryId>,
    /// The last part of the address of its page; `null` for the minute after an upgrade in which existing categories get theirs.
    #[serde(default)]
    #[schema(required = true, example = "kitchen")]
    pub slug: Option<String>,
    /// Its place in lists: those with a lower position come first.
    #[serde(default)]
    #[schema(required = true, example = 0)]
    pub position: i64,
    /// Codes of the attributes that active products of this category, and of those below it, must have.
    #[serde(default)]
    #[schema(required = true, example = json!(["material"]))]
    pub required_attributes: Vec<AttributeCode>,
    /// Picture; `null` if it has none.
    #[serde(default)]
    #[schema(required = true)]
    pub picture: Option<CategoryPicture>,
    /// Counts the changes, from 1. The `ETag` begins with it.
    #[serde(default)]
    #[schema(required = true, example = 1)]
    pub version: i64,
}

impl Tagged for Category {
    const KIND: &'static str = "category";
    fn id(&self) -> impl fmt::Display {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new category, or the replacement of one. In a replacement members from `slug` on stay as they are if they are absent: clients of
/// before do not know them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// Name, 1 to 100 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Kitchen")]
    pub name: CategoryName,
    /// Id of the parent category; absent for the top of the tree.
    #[garde(dive)]
    pub parent_id: Option<CategoryId>,
    /// The last part of the address of its page: 1 to 100 letters `a` to `z`, digits, and single hyphens between them. No other category
    /// has it or had it before. If absent, that of a new category is made from the name.
    #[garde(skip)]
    #[serde(default, deserialize_with = "slug::optional", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length = 100, example = "kitchen")]
    pub slug: Option<Slug>,
    /// Its place in lists, from 0 to 1,000,000: those with a lower position come first. If absent, that of a new category is 0.
    #[garde(inner(custom(between(0, MAX_POSITION))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000, example = 10)]
    pub position: Option<i64>,
    /// Description, at most 10,000 characters; `null` or an empty text for none. If absent, a new category has none.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Option<Description>>,
    /// Codes of the attributes that active products of this category, and of those below it, must have from now on; at most 50. `null`
    /// demands none. If absent, an existing category demands what it did.
    #[garde(inner(inner(length(max = MAX_ATTRIBUTES_OF_PRODUCT))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<AttributeCode>>, max_items = 50, example = json!(["material"]))]
    pub required_attributes: Option<Option<Vec<AttributeCode>>>,
    /// Id of a picture that was uploaded. If absent a new category has none, and the one of an existing category stays; `null` removes it.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MediaId>)]
    pub picture_id: Option<Option<MediaId>>,
}

/// Changes of a category: a merge patch (RFC 7396). Members that are not sent stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct CategoryPatch {
    /// Name, 1 to 100 characters. It cannot be removed.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 100, example = "Kitchen")]
    pub name: Option<CategoryName>,
    /// Id of the parent category. `null` moves the category to the top of the tree.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CategoryId>)]
    pub parent_id: Option<Option<CategoryId>>,
    /// The last part of the address of its page, as for a new category. The slug of before leads to the category, too. It cannot be
    /// removed.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", min_length = 1, max_length = 100, example = "kitchen")]
    pub slug: Option<Slug>,
    /// Its place in lists, from 0 to 1,000,000: those with a lower position come first. It cannot be removed.
    #[garde(inner(custom(between(0, MAX_POSITION))))]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, minimum = 0, maximum = 1_000_000, example = 10)]
    pub position: Option<i64>,
    /// Description, at most 10,000 characters. `null` or an empty text removes it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Option<Description>>,
    /// Codes of the attributes that active products of this category, and of those below it, must have from now on; at most 50. `null`
    /// demands none.
    #[garde(inner(inner(length(max = MAX_ATTRIBUTES_OF_PRODUCT))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<AttributeCode>>, max_items = 50, example = json!(["material"]))]
    pub required_attributes: Option<Option<Vec<AttributeCode>>>,
    /// Id of a picture that was uploaded. `null` removes it.
    #[garde(skip)]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MediaId>)]
    pub picture_id: Option<Option<MediaId>>,
}

/// A replacement is the patch with all members that it must have, and those that were sent.
impl From<NewCategory> for CategoryPatch {
    fn from(change: NewCategory) -> Self {
        Self {
            name: Some(change.name),
            parent_id: Some(change.parent_id),
            slug: change.slug,
            position: change.position,
            description: change.description,
            required_attributes: change.required_attributes,
            picture_id: change.picture_id,
        }
    }
}

/// The stock that an order is to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Lines of the order, 1 to 100, each of another variant.
    #[garde(custom(items(1, 100)), dive)]
    pub lines: Vec<HoldLine>,
    /// Time at which the hold expires and its stock can be sold again.
    #[garde(skip)]
    pub expires_at: DateTime<Utc>,
}

/// A line of a [`HoldRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct HoldLine {
    /// Id of the product.
    #[garde(dive)]
    pub product_id: ProductId,
    /// Id of the variant; absent for the first one of the product.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Number of pieces, 1 to 1,000,000.
    #[garde(custom(between(1, MAX_QUANTITY)))]
    pub quantity: u32,
}

impl HoldLine {
    /// The variant that is to be held.
    pub fn variant(&self) -> VariantId {
        self.variant_id.unwrap_or(self.product_id.first_variant())
    }
}

/// Stock that is held for an order, with the names and prices at the time of the hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// Id of the order.
    pub order_id: OrderId,
    /// Currency of the prices.
    pub currency: Currency,
    /// Lines of the hold, sorted by product and variant.
    pub lines: Vec<HeldLine>,
    /// Time at which the hold expires and its stock can be sold again.
    pub expires_at: DateTime<Utc>,
}

/// A line of a [`Hold`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeldLine {
    /// Id of the product.
    pub product_id: ProductId,
    /// Id of the variant; absent for the first one of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// SKU of the variant at the time of the hold; absent if it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Name of the variant at the time of the hold.
    pub name: String,
    /// Price of one piece at the time of the hold.
    pub unit_price: Amount,
    /// Number of pieces, 1 to 1,000,000.
    pub quantity: u32,
}

/// A line with a higher quantity than the stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shortage {
    /// Id of the product.
    pub product_id: ProductId,
    /// Id of the variant; absent for the first one of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// Requested pieces.
    pub requested: u32,
    /// Pieces in stock; 0 when the product no longer exists.
    pub available: u32,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variant_id {
            Some(variant) => write!(f, "{} of variant {variant} left", self.available),
            None => write!(f, "{} of product {} left", self.available, self.product_id),
        }
    }
}
