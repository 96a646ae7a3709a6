//! What is sold: variants of products.

use super::names::MAX_QUANTITY;
use crate::ids::{Ids, ProductId, VariantId};
use garde::Validate;
use kernel::{
    Amount, Currency, Request, Tagged,
    chrono::{DateTime, Utc},
    rules::{between, items},
    text::Line,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// The most variants of a product.
pub const MAX_VARIANTS: usize = 100;
/// The most options of a product.
pub const MAX_OPTIONS: usize = 3;
/// The highest weight in grams: a hundred tons.
pub const MAX_WEIGHT: i64 = 100_000_000;
/// The longest measure in millimetres: a hundred metres.
pub const MAX_MEASURE: i64 = 100_000;

/// A stock keeping unit: the shop's own number of a variant.
pub type Sku = Line<64>;
/// The name of an option, such as `Size`.
pub type OptionName = Line<40>;
/// A value of an option, such as `M`.
pub type OptionValue = Line<60>;

/// What is sold: a product, with a value for each of its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Variant {
    /// Id of the variant. The first variant of a product has the product's id.
    pub id: VariantId,
    /// Id of the product.
    pub product_id: ProductId,
    /// Name of the product, with the values of the options in brackets; at most 255 characters.
    #[schema(example = "Linen shirt (M, red)")]
    pub name: String,
    /// Values of the options; none if the product has no options.
    pub options: Vec<OptionOf>,
    /// The shop's number of the variant; `null` if it has none.
    #[schema(example = "SHIRT-M-RED")]
    pub sku: Option<String>,
    /// Its number in trade (GTIN: EAN, UPC, ISBN-13), 8, 12, 13 or 14 digits; `null` if it has none.
    #[schema(example = "4006381333931")]
    pub gtin: Option<String>,
    /// Price of one piece, in `currency`.
    pub price: Amount,
    /// Currency of the price: the shop's.
    pub currency: Currency,
    /// Weight in grams; `null` if it is not known.
    pub weight_grams: Option<i64>,
    /// Length in millimetres; `null` if it is not known.
    pub length_mm: Option<i64>,
    /// Width in millimetres; `null` if it is not known.
    pub width_mm: Option<i64>,
    /// Height in millimetres; `null` if it is not known.
    pub height_mm: Option<i64>,
    /// Pieces that can be sold now, without the pieces held by orders.
    #[schema(example = 25)]
    pub stock_quantity: u32,
    /// Time of the last change of the variant; changes of its stock do not count.
    pub updated_at: DateTime<Utc>,
    /// Counts the changes of the variant, not of its stock, from 1. The `ETag` begins with it.
    #[serde(default)]
    #[schema(required = true, example = 1)]
    pub version: i64,
}

impl Tagged for Variant {
    const KIND: &'static str = "variant";
    fn id(&self) -> impl fmt::Display {
        self.id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// The value that a variant has for an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct OptionOf {
    /// Name of the option, 1 to 40 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 40, example = "Size")]
    pub name: OptionName,
    /// The value, 1 to 60 characters.
    #[garde(dive)]
    #[schema(value_type = String, format = "line", min_length = 1, max_length = 60, example = "M")]
    pub value: OptionValue,
}

/// An option of a product, with the values that its variants have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductOption {
    /// Name of the option.
    #[schema(example = "Size")]
    pub name: String,
    /// The values, in the order of the variants.
    #[schema(example = json!(["S", "M", "L"]))]
    pub values: Vec<String>,
}

/// Which variants to find: give `ids` or `sku`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct FindVariants {
    /// The variants with these ids: at most 100, separated by commas.
    #[garde(skip)]
    #[param(value_type = Option<String>, example = "1,2,3", pattern = "^( *[0-9]+ *(, *[0-9]+ *){0,99})?$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids<VariantId>>,
    /// The variant with this SKU. Case is ignored.
    #[garde(dive)]
    #[param(value_type = Option<String>, format = "line", max_length = 64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
}

/// Variants that were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Variants {
    /// The variants that exist, sorted by id. Those of deleted products do not.
    pub variants: Vec<Variant>,
}

/// All variants of a product, as they shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetVariants {
    /// The variants, 1 to 100, in the order in which they are shown. All have the same options in the same order, and no two have
    /// the same values; a single one may have none.
    #[garde(custom(items(1, MAX_VARIANTS)), dive)]
    #[schema(min_items = 1, max_items = 100)]
    pub variants: Vec<SetVariant>,
}

/// A variant, as it shall be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct SetVariant {
    /// Id of the variant, if it exists, or was removed. If absent, it is the variant with these values, or a new one if there is none;
    /// the first in the list of a product that had no options is the variant that it had.
    #[garde(dive)]
    pub id: Option<VariantId>,
    /// Values of the options, at most 3; absent or none if the product shall have no options.
    #[garde(custom(items(0, MAX_OPTIONS)), dive)]
    #[serde(default, deserialize_with = "kernel::optional::or_default")]
    #[schema(value_type = Option<Vec<OptionOf>>, max_items = 3)]
    pub options: Vec<OptionOf>,
    /// The shop's number of the variant, at most 64 characters; no other variant of the shop may have it, whatever the case. None if
    /// absent.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, format = "line", max_length = 64, example = "SHIRT-M-RED")]
    pub sku: Option<Sku>,
    /// Number in trade (GTIN: EAN, UPC, ISBN-13): 8, 12, 13 or 14 digits, the last of which checks the others (GS1 General
    /// Specifications). None if absent.
    #[garde(inner(custom(is_gtin)))]
    #[serde(default, deserialize_with = "kernel::optional::text")]
    #[schema(value_type = Option<String>, pattern = "^([0-9]{8}|[0-9]{12,14})?$", example = "4006381333931")]
    pub gtin: Option<String>,
    /// Price of one piece in the shop's currency, from 0 to 9,999,999,999 of its smallest units. If absent, an existing variant keeps
    /// its price, and a new one has that of the product.
    #[garde(inner(custom(not_negative)))]
    #[schema(value_type = Option<f64>, minimum = 0, example = 29.99)]
    pub price: Option<Amount>,
    /// Weight in grams, at most 100,000,000; absent if it is not known.
    #[garde(inner(custom(between(0, MAX_WEIGHT))))]
    #[schema(minimum = 0, maximum = 100_000_000, example = 250)]
    pub weight_grams: Option<i64>,
    /// Length in millimetres, at most 100,000; absent if it is not known.
    #[garde(inner(custom(between(0, MAX_MEASURE))))]
    #[schema(minimum = 0, maximum = 100_000, example = 300)]
    pub length_mm: Option<i64>,
    /// Width in millimetres, at most 100,000; absent if it is not known.
    #[garde(inner(custom(between(0, MAX_MEASURE))))]
    #[schema(minimum = 0, maximum = 100_000, example = 200)]
    pub width_mm: Option<i64>,
    /// Height in millimetres, at most 100,000; absent if it is not known.
    #[garde(inner(custom(between(0, MAX_MEASURE))))]
    #[schema(minimum = 0, maximum = 100_000, example = 30)]
    pub height_mm: Option<i64>,
    /// Pieces that can be sold, of a new variant; 0 if absent. The stock of a variant that exists does not change: it is moved or set by
    /// operations of its own.
    #[garde(inner(custom(between(0, MAX_QUANTITY.into()))))]
    #[schema(minimum = 0, maximum = 1_000_000, example = 25)]
    pub stock_quantity: Option<i64>,
}

/// Changes of a variant, without its options and its stock: a merge patch (RFC 7396). Members that are not sent stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct VariantPatch {
    /// The shop's number of the variant, at most 64 characters; no other variant of the shop may have it, whatever the case. `null` or an
    /// empty text removes it.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 64, example = "SHIRT-M-RED")]
    pub sku: Option<Option<Sku>>,
    /// Number in trade (GTIN: EAN, UPC, ISBN-13): 8, 12, 13 or 14 digits, the last of which checks the others (GS1 General
    /// Specifications). `null` or an empty text removes it.
    #[garde(inner(inner(custom(is_gtin))))]
    #[serde(default, deserialize_with = "kernel::optional::text_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^([0-9]{8}|[0-9]{12,14})?$", example = "4006381333931")]
    pub gtin: Option<Option<String>>,
    /// Price of one piece in the shop's currency, from 0 to 9,999,999,999 of its smallest units. It cannot be removed.
    #[garde(inner(custom(not_negative)))]
    #[serde(default, deserialize_with = "kernel::optional::value_if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, minimum = 0, example = 29.99)]
    pub price: Option<Amount>,
    /// Weight in grams, at most 100,000,000; `null` if it is not known.
    #[garde(inner(inner(custom(between(0, MAX_WEIGHT)))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000_000, example = 250)]
    pub weight_grams: Option<Option<i64>>,
    /// Length in millimetres, at most 100,000; `null` if it is not known.
    #[garde(inner(inner(custom(between(0, MAX_MEASURE)))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000, example = 300)]
    pub length_mm: Option<Option<i64>>,
    /// Width in millimetres, at most 100,000; `null` if it is not known.
    #[garde(inner(inner(custom(between(0, MAX_MEASURE)))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000, example = 200)]
    pub width_mm: Option<Option<i64>>,
    /// Height in millimetres, at most 100,000; `null` if it is not known.
    #[garde(inner(inner(custom(between(0, MAX_MEASURE)))))]
    #[serde(default, deserialize_with = "kernel::optional::if_sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000, example = 30)]
    pub height_mm: Option<Option<i64>>,
}

/// The upper limit depends on the currency: see `rules.rs`.
pub(super) fn not_negative<C>(price: &Amount, _: &C) -> garde::Result {
    if *price >= Amount::ZERO { Ok(()) } else { Err(garde::Error::new("must be at least 0")) }
}

/// GS1 General Specifications, section 7.9: the digits are weighted 3 and 1 in turns from the right, and add up to a multiple of 10.
fn is_gtin<C>(text: &str, _: &C) -> garde::Result {
    let weighted = |(i, digit): (usize, u8)| u32::from(digit - b'0') * if i % 2 == 0 { 1 } else { 3 };
    if !matches!(text.len(), 8 | 12..=14) || !text.bytes().all(|b| b.is_ascii_digit()) {
        Err(garde::Error::new("must be 8, 12, 13 or 14 digits"))
    } else if text.bytes().rev().enumerate().map(weighted).sum::<u32>() % 10 != 0 {
        Err(garde::Error::new("has a digit that is wrong: its last digit does not fit the others"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_digit_of_a_gtin_is_found() {
        for good in ["96385074", "036000291452", "4006381333931", "9780306406157", "00012345600012", "00000000"] {
            assert!(is_gtin(good, &()).is_ok(), "{good}");
            let wrong = format!("{}{}", &good[..good.len() - 1], (good.as_bytes()[good.len() - 1] - b'0' + 1) % 10);
            assert!(is_gtin(&wrong, &()).is_err(), "{wrong}");
        }
        for bad in ["", "1", "123456789", "4006381333930", "400638133393a", "٤٠٠٦٣٨١٣"] {
            assert!(is_gtin(bad, &()).is_err(), "{bad}");
        }
    }
}
