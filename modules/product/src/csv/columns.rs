//! The columns of a file.

use super::records::Record;
use crate::{AttributeCode, WrongRow};
use std::{collections::HashSet, fmt};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Slug,
    Name,
    Description,
    Category,
    Brand,
    Tags,
    SeoTitle,
    SeoDescription,
    Status,
    PublishedFrom,
    PublishedUntil,
    Attribute(AttributeCode),
    Sku,
    Gtin,
    /// The name of an option, from 0.
    OptionName(usize),
    /// The value of an option, from 0.
    OptionValue(usize),
    Price,
    WeightGrams,
    LengthMm,
    WidthMm,
    HeightMm,
    StockQuantity,
}

/// Columns of products, before those of attributes.
const OF_PRODUCTS: [(Column, &str); 11] = [
    (Column::Slug, "slug"),
    (Column::Name, "name"),
    (Column::Description, "description"),
    (Column::Category, "category"),
    (Column::Brand, "brand"),
    (Column::Tags, "tags"),
    (Column::SeoTitle, "seo_title"),
    (Column::SeoDescription, "seo_description"),
    (Column::Status, "status"),
    (Column::PublishedFrom, "published_from"),
    (Column::PublishedUntil, "published_until"),
];

/// Columns of variants.
const OF_VARIANTS: [(Column, &str); 14] = [
    (Column::Sku, "sku"),
    (Column::Gtin, "gtin"),
    (Column::OptionName(0), "option1_name"),
    (Column::OptionValue(0), "option1_value"),
    (Column::OptionName(1), "option2_name"),
    (Column::OptionValue(1), "option2_value"),
    (Column::OptionName(2), "option3_name"),
    (Column::OptionValue(2), "option3_value"),
    (Column::Price, "price"),
    (Column::WeightGrams, "weight_grams"),
    (Column::LengthMm, "length_mm"),
    (Column::WidthMm, "width_mm"),
    (Column::HeightMm, "height_mm"),
    (Column::StockQuantity, "stock_quantity"),
];

/// Before the code of an attribute.
const ATTRIBUTE: &str = "attribute:";

impl Column {
    /// All columns of a shop with these attributes, in the order in which they are exported.
    pub(crate) fn all(attributes: impl IntoIterator<Item = AttributeCode>) -> Vec<Self> {
        let fixed = |all: &[(Self, &str)]| all.iter().map(|(column, _)| column.clone()).collect::<Vec<_>>();
        [fixed(&OF_PRODUCTS), attributes.into_iter().map(Self::Attribute).collect(), fixed(&OF_VARIANTS)].concat()
    }

    fn parse(name: &str) -> Option<Self> {
        if let Some(code) = name.strip_prefix(ATTRIBUTE) {
            return code.parse().ok().map(Self::Attribute);
        }
        OF_PRODUCTS.iter().chain(&OF_VARIANTS).find(|(_, known)| *known == name).map(|(column, _)| column.clone())
    }

    /// Whether it says something of variants, and not of products.
    pub(crate) fn is_of_variants(&self) -> bool {
        OF_VARIANTS.iter().any(|(column, _)| column == self)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(code) => write!(f, "{ATTRIBUTE}{code}"),
            fixed => {
                let name = OF_PRODUCTS.iter().chain(&OF_VARIANTS).find(|(column, _)| column == fixed).map(|(_, name)| *name);
                f.write_str(name.unwrap_or_default())
            }
        }
    }
}

/// The columns that a file has.
#[derive(Debug)]
pub(crate) struct Columns(Vec<Column>);

impl Columns {
    /// Reads the first record of a file, of a shop that has the attributes for which `is_known` holds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(first: &Record, is_known: impl Fn(&AttributeCode) -> bool) -> Result<Self, Vec<WrongRow>> {
        let (mut columns, mut wrong, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut refuse = |name: &str, reason: &str| {
            let name = name.chars().take(100).collect();
            wrong.push(WrongRow { line: first.line, column: Some(name), reason: reason.into() });
        };
        for cell in first.cells() {
            let name = cell.trim();
            match Column::parse(name) {
                Some(Column::Attribute(code)) if !is_known(&code) => refuse(name, "is not an attribute of this shop"),
                Some(column) if !seen.insert(column.clone()) => refuse(name, "is there twice"),
                Some(column) => columns.push(column),
                None if name.contains([';', '\t']) => refuse(name, "is no column: columns are separated by commas"),
                None => refuse(name, "is not a column that can be imported"),
            }
        }
        if !seen.contains(&Column::Slug) {
            refuse("slug", "must be there: products are recognised by it");
        }
        for i in 0..3 {
            let (name, value) = (Column::OptionName(i), Column::OptionValue(i));
            if seen.contains(&name) != seen.contains(&value) {
                let missing = if seen.contains(&name) { value } else { name };
                refuse(&missing.to_string(), "must be there: names and values of options go together");
            }
        }
        if wrong.is_empty() { Ok(Self(columns)) } else { Err(wrong) }
    }

    pub(crate) fn has(&self, column: &Column) -> bool {
        self.0.contains(column)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The name of a column by its place.
    pub(crate) fn name(&self, i: usize) -> Option<String> {
        self.0.get(i).map(ToString::to_string)
    }

    /// Whether anything is said of variants. If not, they stay as they are.
    pub(crate) fn has_variants(&self) -> bool {
        self.0.iter().any(Column::is_of_variants)
    }

    /// Whether options are said. If not, variants keep theirs.
    pub(crate) fn has_options(&self) -> bool {
        self.has(&Column::OptionName(0)) || self.has(&Column::OptionName(1)) || self.has(&Column::OptionName(2))
    }

    /// The attributes that there are columns of.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &AttributeCode> {
        self.0.iter().filter_map(|column| if let Column::Attribute(code) = column { Some(code) } else { None })
    }

    /// The columns with the cells of a record.
    pub(crate) fn with<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = (&'a Column, &'a str)> {
        self.0.iter().zip(record.cells())
    }
}
