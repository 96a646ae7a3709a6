use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "variants")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) product_id: i64,
    pub(crate) position: i32,
    /// Names and values of the options as JSON; empty without options.
    #[sea_orm(column_type = "Text")]
    pub(crate) options: String,
    pub(crate) sku: Option<String>,
    /// The SKU in lower case.
    pub(crate) sku_key: Option<String>,
    pub(crate) gtin: Option<String>,
    pub(crate) price_minor: i64,
    pub(crate) weight_grams: Option<i64>,
    pub(crate) length_mm: Option<i64>,
    pub(crate) width_mm: Option<i64>,
    pub(crate) height_mm: Option<i64>,
    /// Counts the changes of the content: not of the stock.
    pub(crate) version: i64,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    pub(crate) deleted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "super::product::Entity", from = "Column::ProductId", to = "super::product::Column::Id")]
    Product,
    #[sea_orm(belongs_to = "super::stock_item::Entity", from = "Column::Id", to = "super::stock_item::Column::VariantId")]
    StockItem,
}

impl ActiveModelBehavior for ActiveModel {}
