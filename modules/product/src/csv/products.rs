//! Products as records of a file.

use super::{
    cells::{joined, protected},
    columns::Column,
    rows::Shop,
};
use crate::{AttributeValue, AttributeValues, OptionOf, Product, ProductStatus, Variant};
use kernel::{
    Fault,
    chrono::{DateTime, SecondsFormat, Utc},
    serde_json,
};
use std::borrow::Cow;

/// The cells of a variant; those of its product are in the row of the first one only, but for the slug.
pub(crate) fn cells<'a>(
    columns: &'a [Column],
    shop: &'a Shop,
    product: &'a Product,
    variant: &'a Variant,
    is_first: bool,
) -> impl Iterator<Item = Result<Cow<'a, str>, Fault>> {
    columns.iter().map(move |column| {
        if column.is_of_variants() {
            Ok(of_variant(column, variant))
        } else if is_first || *column == Column::Slug {
            of_product(column, shop, product)
        } else {
            Ok(Cow::from(""))
        }
    })
}

fn of_product<'a>(column: &Column, shop: &'a Shop, product: &'a Product) -> Result<Cow<'a, str>, Fault> {
    let optional = |text: &'a Option<String>| protected(text.as_deref().unwrap_or_default());
    Ok(match column {
        Column::Slug => product.slug.as_deref().unwrap_or_default().into(),
        Column::Name => protected(&product.name),
        Column::Description => protected(&product.description),
        Column::Category => product.category_id.map(|id| shop.slug_of(id.0)).unwrap_or_default().into(),
        Column::Brand => optional(&product.brand),
        Column::Tags => protected(&joined(product.tags.iter().map(String::as_str))).into_owned().into(),
        Column::SeoTitle => optional(&product.seo_title),
        Column::SeoDescription => optional(&product.seo_description),
        Column::Status => match product.status {
            ProductStatus::Draft => "draft",
            ProductStatus::Active => "active",
            ProductStatus::Archived => "archived",
        }
        .into(),
        Column::PublishedFrom => time(product.published_from),
        Column::PublishedUntil => time(product.published_until),
        Column::Attribute(code) => value(&product.attributes, code)?,
        _ => Cow::from(""),
    })
}

fn value<'a>(values: &'a AttributeValues, code: &crate::AttributeCode) -> Result<Cow<'a, str>, Fault> {
    Ok(match values.get(code) {
        None => Cow::from(""),
        Some(AttributeValue::Text(text)) => protected(text),
        Some(AttributeValue::Boolean(is)) => is.to_string().into(),
        // as in JSON; a number is no formula
        Some(AttributeValue::Number(number)) => serde_json::to_string(number).map_err(Fault::internal)?.into(),
        Some(AttributeValue::Choices(codes)) => joined(codes.iter().map(|code| code.as_str())).into(),
    })
}

fn of_variant<'a>(column: &Column, variant: &'a Variant) -> Cow<'a, str> {
    let number = |number: Option<i64>| Cow::from(number.map(|number| number.to_string()).unwrap_or_default());
    let option =
        |i: usize, text: fn(&OptionOf) -> &str| variant.options.get(i).map(|one| protected(text(one))).unwrap_or_default();
    match column {
        Column::Sku => protected(variant.sku.as_deref().unwrap_or_default()),
        Column::Gtin => variant.gtin.as_deref().unwrap_or_default().into(),
        Column::OptionName(i) => option(*i, |one| &one.name),
        Column::OptionValue(i) => option(*i, |one| &one.value),
        Column::Price => variant.price.to_string().into(),
        Column::WeightGrams => number(variant.weight_grams),
        Column::LengthMm => number(variant.length_mm),
        Column::WidthMm => number(variant.width_mm),
        Column::HeightMm => number(variant.height_mm),
        Column::StockQuantity => variant.stock_quantity.to_string().into(),
        _ => Cow::from(""),
    }
}

fn time(time: Option<DateTime<Utc>>) -> Cow<'static, str> {
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default().into()
}
