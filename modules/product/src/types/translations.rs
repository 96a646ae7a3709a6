//! Texts of products and categories in other languages than the shop's own.

use super::names::{CategoryName, Description, ProductName, SeoDescription, SeoTitle};
use crate::ids::{CategoryId, ProductId};
use garde::Validate;
use kernel::{
    Language, Request, Tagged,
    serde_json::json,
    text::{LINE_PATTERN, Line},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Display};
use utoipa::{
    ToSchema,
    openapi::{
        Object, ObjectBuilder,
        schema::{SchemaType, Type},
    },
};

/// The most languages of a product or a category, beside the shop's own.
pub const MAX_TRANSLATIONS: usize = 50;
/// The most terms of a translation.
pub const MAX_TERMS: usize = 100;

/// A word of a product that many may have, such as the name or a value of an option.
pub type Term = Line<60>;

/// The texts of a product in a language. What is absent is shown in another language: the next one that the caller wants, or else the
/// shop's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct ProductTexts {
    /// Name, at most 255 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 255, example = "Kupferne Kaffeekanne")]
    pub name: Option<ProductName>,
    /// Description, at most 10,000 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Description>,
    /// Title for search engines, at most 70 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 70)]
    pub seo_title: Option<SeoTitle>,
    /// Description for search engines, at most 200 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 200)]
    pub seo_description: Option<SeoDescription>,
    /// Names and values of options, and tags, each with its translation: at most 100, of 1 to 60 characters each.
    #[garde(length(max = MAX_TERMS), custom(each_term))]
    #[serde(default, deserialize_with = "kernel::optional::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(schema_with = terms_schema)]
    pub terms: BTreeMap<Term, Term>,
}

fn terms_schema() -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(LINE_PATTERN));
    let text = text.min_length(Some(1)).max_length(Some(60));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "Names and values of options, and tags, each with its translation: at most 100, of 1 to 60 characters each.",
        ))
        .additional_properties(Some(text))
        .max_properties(Some(MAX_TERMS))
        .examples([json!({"Size": "Größe", "Red": "Rot"})])
        .build()
}

fn each_term<C>(terms: &BTreeMap<Term, Term>, _: &C) -> garde::Result {
    for (term, translation) in terms {
        for text in [term, translation] {
            if let Some((_, rule)) = text.validate().err().as_ref().and_then(|report| report.iter().next()) {
                return Err(garde::Error::new(format!("has {term:?} with {translation:?}: each {}", rule.message())));
            }
        }
    }
    Ok(())
}

/// The texts of a category in a language. What is absent is shown in another language: the next one that the caller wants, or else the
/// shop's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct CategoryTexts {
    /// Name, at most 100 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "line", max_length = 100, example = "Küche")]
    pub name: Option<CategoryName>,
    /// Description, at most 10,000 characters.
    #[garde(dive)]
    #[serde(default, deserialize_with = "kernel::optional::text", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "text", max_length = 10_000)]
    pub description: Option<Description>,
}

/// All translations of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductTranslations {
    /// Id of the product.
    pub product_id: ProductId,
    /// The translations, sorted by language. The texts in the shop's own language are in the product.
    pub translations: Vec<ProductTranslation>,
    /// The `version` of the product, of which the translations are a part.
    #[schema(example = 1)]
    pub version: i64,
}

/// A translation of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductTranslation {
    /// Language: a BCP 47 tag.
    #[schema(inline)]
    pub language: Language,
    /// The texts in it.
    pub texts: ProductTexts,
}

/// All translations of a category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CategoryTranslations {
    /// Id of the category.
    pub category_id: CategoryId,
    /// The translations, sorted by language. The texts in the shop's own language are in the category.
    pub translations: Vec<CategoryTranslation>,
    /// The `version` of the category, of which the translations are a part.
    #[schema(example = 1)]
    pub version: i64,
}

/// A translation of a category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CategoryTranslation {
    /// Language: a BCP 47 tag.
    #[schema(inline)]
    pub language: Language,
    /// The texts in it.
    pub texts: CategoryTexts,
}

/// The translations are a part of the product: a write accepts the tag of either.
impl Tagged for ProductTranslations {
    const KIND: &'static str = "product";
    fn id(&self) -> impl Display {
        self.product_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// The translations are a part of the category: a write accepts the tag of either.
impl Tagged for CategoryTranslations {
    const KIND: &'static str = "category";
    fn id(&self) -> impl Display {
        self.category_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}
