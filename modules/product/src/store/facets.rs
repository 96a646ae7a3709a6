//! Counts the products of a list by what they have.

use super::{Filter, find, options::narrow};
use crate::{
    AttributeCode, ListProducts, MAX_FACET_VALUES,
    entity::{product::Column, product_attribute, product_tag, variant_option},
};
use kernel::Fault;
use sea_orm::{
    ConnectionTrait, ExprTrait, FromQueryResult, QuerySelect, QueryTrait,
    sea_query::{CommonTableExpression, Expr, Query, SelectStatement, UnionType, WithClause},
};

/// What to count by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum By {
    Category,
    Brand,
    Tag,
    Price,
    InStock,
    /// This option, or all but those of the filter.
    Option(Option<String>),
    /// This attribute, or all but those of the filter.
    Attribute(Option<AttributeCode>),
}

/// How many products have a value.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Counted {
    /// As the public kind is called, but `number` for attributes with numbers.
    pub(crate) kind: String,
    /// Code of the attribute, or name of the option in lower case; empty for others.
    pub(crate) code: String,
    pub(crate) value: String,
    /// The value as it is shown, if the index knows it.
    pub(crate) label: String,
    /// The name of the option as it is shown; empty for others.
    pub(crate) title: String,
    pub(crate) products: i64,
    pub(crate) lowest: Option<f64>,
    pub(crate) highest: Option<f64>,
}

/// Counts the products of `filter`, which was made of `query`, in one statement.
pub(crate) async fn count(
    db: &impl ConnectionTrait,
    filter: &Filter,
    query: &ListProducts,
    by: &[By],
) -> Result<Vec<Counted>, Fault> {
    let columns = [Column::Id, Column::CategoryId, Column::BrandKey, Column::Brand, Column::PriceMinor, Column::StockQuantity];
    let found = find(db, filter).select_only().columns(columns).into_query();
    let mut parts = by.iter().flat_map(|by| select(by, query));
    let Some(mut all) = parts.next() else { return Ok(Vec::new()) };
    for part in parts {
        all.union(UnionType::All, part);
    }
    // each kind has its most frequent values; categories are few, and their numbers are added up
    let place = Expr::cust("row_number() OVER (PARTITION BY kind, code ORDER BY products DESC, value)");
    let placed = Query::select().expr(Expr::cust("*")).expr_as(place, "place").from_subquery(all, "counted").to_owned();
    let most = Query::select()
        .columns(["kind", "code", "value", "label", "title", "products", "lowest", "highest"])
        .from_subquery(placed, "placed")
        .cond_where(Expr::col("place").lte(MAX_FACET_VALUES as i64).or(Expr::col("kind").eq("category")))
        .order_by("kind", sea_orm::Order::Asc)
        .order_by("code", sea_orm::Order::Asc)
        .order_by("place", sea_orm::Order::Asc)
        .to_owned();
    let found = CommonTableExpression::new().query(found).table_name("found").to_owned();
    let statement = WithClause::new().cte(found).to_owned().query(most);
    let rows = db.query_all(&statement).await?;
    Ok(rows.iter().map(|row| Counted::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// The rows of [`Counted`] by one thing.
fn select(by: &By, query: &ListProducts) -> Vec<SelectStatement> {
    let text = |text: &str| Expr::val(text.to_owned()).cast_as("TEXT");
    let all = || Expr::cust("COUNT(*)");
    let none = || Expr::cust("CAST(NULL AS DOUBLE PRECISION)");
    let row = |kind: &str, [code, value, label, title]: [Expr; 4], products: Expr, ends: Option<Expr>| {
        let cast = |end: Expr| end.cast_as("DOUBLE PRECISION");
        let (lowest, highest) = match ends {
            Some(of) => (cast(of.clone().min()), cast(of.max())),
            None => (none(), none()),
        };
        let mut select = Query::select();
        select.expr_as(text(kind), "kind").expr_as(code, "code").expr_as(value, "value").expr_as(label, "label");
        select.expr_as(title, "title").expr_as(products, "products");
        select.expr_as(lowest, "lowest").expr_as(highest, "highest");
        select
    };
    let among_found = |column: Expr| column.in_subquery(Query::select().column("id").from("found").to_owned());
    let empty = || text("");
    match by {
        By::Category => {
            let value = Expr::col(Column::CategoryId).cast_as("TEXT");
            let mut select = row("category", [empty(), value, empty(), empty()], all(), None);
            select.from("found").and_where(Expr::col(Column::CategoryId).is_not_null()).group_by_col(Column::CategoryId);
            vec![select]
        }
        By::Brand => {
            let (value, label) = (Expr::col(Column::BrandKey), Expr::col(Column::Brand).max());
            let mut select = row("brand", [empty(), value, label, empty()], all(), None);
            select.from("found").and_where(Expr::col(Column::BrandKey).is_not_null()).group_by_col(Column::BrandKey);
            vec![select]
        }
        By::Tag => {
            use product_tag::{Column, Entity};
            let tag = || Expr::col(Column::TagKey);
            let mut select = row("tag", [empty(), tag(), tag(), empty()], all(), None);
            select.from(Entity).and_where(among_found(Expr::col(Column::ProductId))).group_by_col(Column::TagKey);
            vec![select]
        }
        By::Price => {
            let price = Expr::col(Column::PriceMinor);
            let mut select = row("price", [empty(), empty(), empty(), empty()], all(), Some(price));
            select.from("found").and_having(all().gt(0));
            vec![select]
        }
        By::InStock => {
            let of = |is: &str, condition: Expr| {
                let mut select = row("in_stock", [empty(), text(is), text(is), empty()], all(), None);
                select.from("found").and_where(condition).and_having(all().gt(0));
                select
            };
            let stock = || Expr::col(Column::StockQuantity);
            vec![of("true", stock().gt(0)), of("false", stock().eq(0))]
        }
        By::Option(name) => {
            use variant_option::{Column, Entity};
            let column = |column: Column| Expr::col((Entity, column));
            let products = Expr::cust("COUNT(DISTINCT variant_options.product_id)");
            let (code, value) = (column(Column::NameKey), column(Column::ValueKey));
            let (label, title) = (column(Column::Value).max(), column(Column::Name).max());
            let mut select = row("option", [code, value, label, title], products, None);
            let filter = query.options.as_ref();
            narrow(&mut select, filter, query.in_stock == Some(true));
            select.and_where(among_found(column(Column::ProductId)));
            match name {
                Some(name) => select.and_where(column(Column::NameKey).eq(name.as_str())),
                None => {
                    let filtered = filter.iter().flat_map(|filter| filter.options().keys().map(String::as_str));
                    select.and_where(column(Column::NameKey).is_not_in(filtered))
                }
            };
            select.group_by_columns([(Entity, Column::NameKey), (Entity, Column::ValueKey)]);
            vec![select]
        }
        By::Attribute(code) => {
            use product_attribute::{Column, Entity};
            let of_code = |select: &mut SelectStatement| {
                select.from(Entity).and_where(among_found(Expr::col(Column::ProductId)));
                match code {
                    Some(code) => select.and_where(Expr::col(Column::Code).eq(code.as_str())),
                    None => {
                        let filtered = query.attributes.iter().flat_map(|filter| filter.attributes().keys());
                        select.and_where(Expr::col(Column::Code).is_not_in(filtered.map(AttributeCode::as_str)))
                    }
                };
            };
            let attribute = || Expr::col(Column::Code);
            let value = Expr::col(Column::Value);
            let mut chosen = row("attribute", [attribute(), value, empty(), empty()], all(), None);
            of_code(&mut chosen);
            chosen.and_where(Expr::col(Column::Value).ne("")).group_by_columns([Column::Code, Column::Value]);
            let number = Expr::col(Column::Number);
            let mut numbers = row("number", [attribute(), empty(), empty(), empty()], all(), Some(number));
            of_code(&mut numbers);
            numbers.and_where(Expr::col(Column::Number).is_not_null()).group_by_col(Column::Code);
            vec![chosen, numbers]
        }
    }
}
