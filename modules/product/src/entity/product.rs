use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "products")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) name_lower: String,
    /// The sort key of the name; `None` in rows of a release without keys.
    pub(crate) name_key: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub(crate) description: String,
    pub(crate) price_minor: i64,
    pub(crate) currency: String,
    pub(crate) category_id: Option<i64>,
    pub(crate) stock_quantity: i64,
    pub(crate) reserved: i64,
    /// The present slug, which is one of its rows in `product_slugs`; `None` until a job has given it one.
    pub(crate) slug: Option<String>,
    pub(crate) brand: Option<String>,
    /// The brand in lower case.
    pub(crate) brand_key: Option<String>,
    /// As they are shown, one on each line.
    #[sea_orm(column_type = "Text")]
    pub(crate) tags: String,
    /// Code and value of each attribute, as JSON; empty without attributes.
    #[sea_orm(column_type = "Text")]
    pub(crate) attributes: String,
    pub(crate) seo_title: Option<String>,
    pub(crate) seo_description: Option<String>,
    /// The languages that it is translated into, separated by spaces.
    #[sea_orm(column_type = "Text")]
    pub(crate) languages: String,
    pub(crate) status: Status,
    pub(crate) published_from: Option<DateTimeUtc>,
    pub(crate) published_until: Option<DateTimeUtc>,
    /// As JSON; empty without any.
    #[sea_orm(column_type = "Text")]
    pub(crate) pictures: String,
    /// Counts the changes of the content: not of the stock.
    pub(crate) version: i64,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    pub(crate) deleted_at: Option<DateTimeUtc>,
}

/// Whether a product is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Status {
    #[sea_orm(string_value = "draft")]
    Draft,
    /// Within its times of publication.
    #[sea_orm(string_value = "active")]
    Active,
    #[sea_orm(string_value = "archived")]
    Archived,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
