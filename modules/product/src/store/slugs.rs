//! Queries of slugs, of products and of categories. Both keep those they had; the primary key of their table decides who gets one.

use crate::Slug;
use kernel::Fault;
use sea_orm::{
    ConnectionTrait, ExprTrait,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query, SelectStatement},
};
use std::collections::{HashMap, HashSet};

type Result<T> = std::result::Result<T, Fault>;

/// What has slugs.
pub(crate) struct Kind {
    /// The table with the present slugs.
    table: &'static str,
    /// The table with all slugs, the present ones and those of before.
    slugs: &'static str,
    /// Its column with the id of what has the slug.
    owner: &'static str,
    /// Whether deleted rows stay in the table.
    is_kept: bool,
    /// The slug of a name without letters.
    pub(crate) nameless: &'static str,
}

pub(crate) const PRODUCTS: &Kind =
    &Kind { table: "products", slugs: "product_slugs", owner: "product_id", is_kept: true, nameless: "product" };
pub(crate) const CATEGORIES: &Kind =
    &Kind { table: "categories", slugs: "category_slugs", owner: "category_id", is_kept: false, nameless: "category" };

/// The id of what has this slug, or had it before.
pub(crate) fn owner(kind: &Kind, slug: &Slug) -> SelectStatement {
    Query::select().column(kind.owner).from(kind.slugs).and_where(Expr::col("slug").eq(slug.as_str())).to_owned()
}

/// The ids of what has these slugs, or had them before, by the slugs.
pub(crate) async fn owners(db: &impl ConnectionTrait, kind: &Kind, slugs: Vec<String>) -> Result<HashMap<String, i64>> {
    let find =
        Query::select().columns(["slug", kind.owner]).from(kind.slugs).and_where(Expr::col("slug").is_in(slugs)).to_owned();
    let rows = db.query_all(&find).await?;
    let owners = rows.iter().map(|row| Ok((row.try_get("", "slug")?, row.try_get("", kind.owner)?)));
    Ok(owners.collect::<std::result::Result<_, sea_orm::DbErr>>()?)
}

/// Inserts slugs of what is new.
pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    kind: &Kind,
    slugs: impl IntoIterator<Item = (i64, String)>,
) -> std::result::Result<(), sea_orm::DbErr> {
    let mut insert = Query::insert().into_table(kind.slugs).columns(["slug", kind.owner]).to_owned();
    for (id, slug) in slugs {
        insert
            .values([slug.into(), id.into()])
            .map_err(|e| sea_orm::DbErr::Query(sea_orm::RuntimeErr::Internal(e.to_string())))?;
    }
    db.execute(&insert).await.map(drop)
}

/// Takes a slug; `false` when another one has it or had it before.
pub(crate) async fn take(db: &impl ConnectionTrait, kind: &Kind, id: i64, slug: &Slug) -> Result<bool> {
    // its own of before it may have again
    let own = OnConflict::column("slug")
        .update_column(kind.owner)
        .action_and_where(Expr::col((kind.slugs, kind.owner)).eq(id))
        .to_owned();
    let mut insert = Query::insert().into_table(kind.slugs).columns(["slug", kind.owner]).to_owned();
    insert.values([slug.as_str().into(), id.into()]).map_err(Fault::internal)?.on_conflict(own);
    Ok(db.execute(&insert).await?.rows_affected() == 1)
}

/// Takes slugs that no other has or had. Returns the ids of those that got theirs.
pub(crate) async fn take_free(db: &impl ConnectionTrait, kind: &Kind, slugs: Vec<(i64, String)>) -> Result<HashSet<i64>> {
    let mut insert = Query::insert().into_table(kind.slugs).columns(["slug", kind.owner]).to_owned();
    for (id, slug) in slugs {
        insert.values([slug.into(), id.into()]).map_err(Fault::internal)?;
    }
    insert.on_conflict(OnConflict::new().do_nothing().to_owned()).returning_col(kind.owner);
    let taken = db.query_all(&insert).await?;
    Ok(taken.iter().map(|row| row.try_get("", kind.owner)).collect::<std::result::Result<_, _>>()?)
}

/// Shows these with the only slug that they have.
pub(crate) async fn show_only(db: &impl ConnectionTrait, kind: &Kind, ids: impl IntoIterator<Item = i64>) -> Result<()> {
    let only = Query::select()
        .expr(Expr::col((kind.slugs, "slug")).min())
        .from(kind.slugs)
        .and_where(Expr::col((kind.slugs, kind.owner)).equals((kind.table, "id")))
        .to_owned();
    let update = Query::update()
        .table(kind.table)
        .value("slug", Expr::SubQuery(None, Box::new(only.into())))
        .and_where(Expr::col((kind.table, "id")).is_in(ids))
        .to_owned();
    db.execute(&update).await?;
    Ok(())
}

/// Ids and names of up to `limit` without a slug. Locks them, but for those that others have locked. (SQLite has one writer and
/// ignores the lock.)
pub(crate) async fn without(db: &impl ConnectionTrait, kind: &Kind, limit: u64) -> Result<Vec<(i64, String)>> {
    let mut find = Query::select().columns(["id", "name"]).from(kind.table).and_where(Expr::col("slug").is_null()).to_owned();
    if kind.is_kept {
        find.and_where(Expr::col("deleted_at").is_null());
    }
    find.order_by("id", sea_orm::Order::Asc).limit(limit).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let rows = db.query_all(&find).await?;
    Ok(rows
        .iter()
        .map(|row| Ok((row.try_get("", "id")?, row.try_get("", "name")?)))
        .collect::<std::result::Result<_, sea_orm::DbErr>>()?)
}

/// Gives up all slugs of what is being deleted.
pub(crate) async fn delete(db: &impl ConnectionTrait, kind: &Kind, id: i64) -> Result<()> {
    db.execute(&Query::delete().from_table(kind.slugs).and_where(Expr::col(kind.owner).eq(id)).to_owned()).await?;
    Ok(())
}
