//! Search and ranking of products: on PostgreSQL by a text search vector and trigrams, on SQLite by FTS5.

use crate::entity::product::{self, Column};
use kernel::db::like;
use sea_orm::{
    DbBackend, ExprTrait, QueryOrder, QuerySelect, Select,
    sea_query::{
        CaseStatement, Expr, Func, JoinType, LikeExpr, Order, Query, SelectStatement, UnionType,
        extension::{postgres::PgExpr, sqlite::SqliteExpr},
    },
};

/// The part of a product in which the text was found, from the best match to the worst.
const IN_WORDS_OF_NAME: i32 = 0;
const IN_NAME: i32 = 1;
const IN_DESCRIPTION: i32 = 2;

/// A text to search for.
#[derive(Clone)]
pub(crate) struct Search {
    /// In lower case.
    text: String,
}

impl Search {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_lowercase() }
    }

    /// Restricts the query to products that match.
    pub(super) fn narrow(&self, mut find: Select<product::Entity>, store: DbBackend) -> Select<product::Entity> {
        let hits = if store == DbBackend::Postgres { self.hits_of_postgres() } else { self.hits_of_sqlite() };
        let of_product = Expr::col(("hits", "id")).equals((product::Entity, Column::Id));
        QuerySelect::query(&mut find).join_subquery(JoinType::InnerJoin, hits, "hits", of_product);
        find
    }

    /// Sorts the best match first: the whole name, the beginning of the name, then by `place` and `badness`.
    pub(super) fn rank(&self, find: Select<product::Entity>) -> Select<product::Entity> {
        let name = || Expr::col((product::Entity, Column::NameLower));
        let of_name =
            CaseStatement::new().case(name().eq(self.text.as_str()), 0).case(name().like(self.pattern("")), 1).finally(2);
        find.order_by(Expr::expr(of_name), Order::Asc)
            .order_by(Expr::col(("hits", "place")), Order::Asc)
            .order_by(Expr::col(("hits", "badness")), Order::Asc)
    }

    /// The rows of `product_search` that match, with `place` and `badness`.
    fn hits_of_postgres(&self) -> SelectStatement {
        let query = |weight: &str| Func::cust("product_query").arg(self.text.as_str()).arg(weight);
        let matches = |column: &'static str, weight| PgExpr::matches(Expr::col(column), query(weight));
        let part = || Expr::col("name_lower").like(self.pattern("%"));
        let place =
            CaseStatement::new().case(matches("words", "A"), IN_WORDS_OF_NAME).case(part(), IN_NAME).finally(IN_DESCRIPTION);
        // 1: the same words count more in a short text
        let rank = |column: &'static str| Func::cust("ts_rank").arg(Expr::col(column)).arg(query("")).arg(1);
        // of those that are there: `translated` may be NULL
        let goodness = Func::greatest([rank("words").into(), rank("translated").into()]);
        Query::select()
            .expr_as(Expr::col("product_id"), "id")
            .expr_as(place, "place")
            .expr_as(Expr::val(0).sub(goodness), "badness")
            .from("product_search")
            .and_where(matches("words", "").or(matches("translated", "")).or(part()))
            .to_owned()
    }

    /// The matches of the three FTS5 tables, each product once.
    fn hits_of_sqlite(&self) -> SelectStatement {
        let matches_in = |table: &'static str, query: String, place: i32, badness: Expr| {
            Query::select()
                .expr_as(Expr::col("rowid"), "id")
                .expr_as(Expr::val(place), "place")
                .expr_as(badness, "badness")
                .from(table)
                .and_where(SqliteExpr::matches(Expr::col(table), query))
                .to_owned()
        };
        let (none, rank) = (Expr::val(0.0), || Expr::col("rank"));
        // a trigram needs three letters
        let mut hits = if self.text.chars().count() < 3 {
            Query::select()
                .expr_as(Expr::col(Column::Id), "id")
                .expr_as(Expr::val(IN_NAME), "place")
                .expr_as(none, "badness")
                .from(product::Entity)
                .and_where(Expr::col(Column::NameLower).like(self.pattern("%")))
                .to_owned()
        } else {
            matches_in("product_parts", quoted(&self.text), IN_NAME, none)
        };
        let words: Vec<_> = self.words().map(|word| format!("{} *", quoted(word))).collect();
        if !words.is_empty() {
            let words = words.join(" AND ");
            hits.union(
                UnionType::All,
                matches_in("product_words", format!("{{name_lower}} : ({words})"), IN_WORDS_OF_NAME, rank()),
            );
            hits.union(UnionType::All, matches_in("product_translated_words", words.clone(), IN_DESCRIPTION, rank()));
            hits.union(UnionType::All, matches_in("product_words", words, IN_DESCRIPTION, rank()));
        }
        Query::select()
            .column("id")
            .expr_as(Expr::col("place").min(), "place")
            .expr_as(Expr::col("badness").min(), "badness")
            .from_subquery(hits, "found")
            .group_by_col("id")
            .to_owned()
    }

    /// The words of the text, separated as by SQLite's `unicode61` and the function `product_words` of PostgreSQL.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
    }

    /// A pattern for `LIKE`: the text at the beginning, or anywhere with `%` as `before`.
    fn pattern(&self, before: &str) -> LikeExpr {
        like(before, &self.text, "%")
    }
}

/// A string of FTS5.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
