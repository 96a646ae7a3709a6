//! Pages of sorted lists by cursors: in every order, with missing keys and many equal ones, while rows come and go.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Cursor, Page,
    cursor::{End, Key},
    db::{Db, Durability, Keyset, Pool, Rows},
    testing::Stores,
};
use sea_orm::{ActiveValue::Set, EntityTrait, QueryFilter, entity::prelude::*};
use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DynIden, Index, IntoIden, MigrationName, MigrationTrait, MigratorTrait, SchemaManager, Table,
};

mod lamp {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "lamps")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub watts: i64,
        pub name: Option<String>,
        pub shade: Option<Vec<u8>>,
        pub made_at: DateTimeUtc,
        pub is_sold: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use lamp::Column;

struct Lamps;

struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_lamps"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lamps = Table::create()
            .table("lamps")
            .col(ColumnDef::new("id").big_integer().not_null().primary_key())
            .col(ColumnDef::new("watts").big_integer().not_null())
            .col(ColumnDef::new("name").text())
            .col(ColumnDef::new("shade").blob())
            .col(ColumnDef::new("made_at").timestamp_with_time_zone().not_null())
            .col(ColumnDef::new("is_sold").boolean().not_null())
            .to_owned();
        manager.create_table(lamps).await?;
        for column in ["watts", "name"] {
            let index = Index::create().name(format!("lamps_by_{column}")).table("lamps").col(column).col("id").to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl MigratorTrait for Lamps {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Step)]
    }

    fn migration_table_name() -> DynIden {
        "lamp_migrations".into_iden()
    }
}

/// On both kinds of stores.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::lamps(kernel::testing::Stores::embedded()).await).await;
            })*
        }
        mod servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(super::lamps(kernel::testing::Stores::servers()).await).await;
            })*
        }
    };
}

on_both![pages_in_every_order_are_the_list, rows_that_come_and_go_do_not_move_the_others, a_cursor_that_was_made_up_is_refused,];

struct Shelf {
    db: Db,
    _stores: Stores,
}

/// A row of lamp number `i`: few different values, some missing.
fn row(i: i64) -> lamp::ActiveModel {
    let text = |i: i64| format!("lamp {}", i % 4);
    lamp::ActiveModel {
        id: Set(i * 10),
        watts: Set(i % 3),
        name: Set((i % 5 != 0).then(|| text(i))),
        shade: Set((i % 7 > 1).then(|| text(i * 3).into_bytes())),
        made_at: Set(kernel::chrono::DateTime::from_timestamp(1_700_000_000 + i % 2, (i % 3) as u32 * 1_000).unwrap()),
        is_sold: Set(false),
    }
}

async fn lamps(stores: Stores) -> Shelf {
    let db = Db::open::<Lamps>("lamps", &stores.database("lamps").await, Pool::default(), Durability::Full).await.unwrap();
    db.migrate().await.unwrap();
    lamp::Entity::insert_many((1..=60).map(row)).exec_without_returning(db.write()).await.unwrap();
    Shelf { db, _stores: stores }
}

type Sort<'a> = &'a [(Column, bool)];

fn keyset(sort: Sort<'_>) -> Keyset<lamp::Entity> {
    Keyset::new(sort.iter().copied(), Column::Id)
}

fn page(sort: Sort<'_>, number: Option<i64>, cursor: Option<&str>, per_page: i64) -> Page {
    let list: Vec<_> = sort.iter().map(|(column, down)| (sea_orm::IdenStatic::as_str(column).to_owned(), *down)).collect();
    Page::of_list(&list, number, cursor.map(|cursor| cursor.parse().unwrap()), Some(per_page), 10).unwrap()
}

/// The ids on the page, and the next cursor.
async fn turn(shelf: &Shelf, sort: Sort<'_>, page: Page) -> (Vec<i64>, Option<String>) {
    let find = lamp::Entity::find().filter(Column::IsSold.eq(false));
    let Rows { rows, end } = keyset(sort).page(shelf.db.read(), find, &page).await.unwrap();
    (rows.iter().map(|row| row.id).collect(), page.ending(60, end).next_cursor)
}

const UP: bool = false;
const DOWN: bool = true;

async fn pages_in_every_order_are_the_list(shelf: Shelf) {
    let columns = [Column::Watts, Column::Name, Column::Shade, Column::MadeAt, Column::Id];
    let mut sorts: Vec<Vec<(Column, bool)>> = vec![vec![]];
    for down in [UP, DOWN] {
        for first in columns {
            sorts.push(vec![(first, down)]);
            for (second, down_too) in columns.iter().flat_map(|column| [(*column, UP), (*column, DOWN)]) {
                sorts.push(vec![(first, down), (second, down_too)]);
            }
        }
    }
    sorts.push(vec![(Column::Name, DOWN), (Column::Shade, UP), (Column::Watts, UP), (Column::MadeAt, DOWN)]);
    sorts.push(vec![(Column::Shade, UP), (Column::Watts, UP), (Column::Name, UP), (Column::MadeAt, UP)]);
    for sort in sorts {
        let (all, end) = turn(&shelf, &sort, page(&sort, None, None, 100)).await;
        assert_eq!((all.len(), end), (60, None));
        for per_page in [1, 7, 20] {
            let (mut ids, mut next) = turn(&shelf, &sort, page(&sort, None, None, per_page)).await;
            for number in 2.. {
                let Some(cursor) = &next else { break };
                let turned = page(&sort, None, Some(cursor), per_page);
                assert_eq!((turned.number(), turned.total()), (number, Some(60)));
                let (more, after) = turn(&shelf, &sort, turned).await;
                assert_eq!(
                    more,
                    turn(&shelf, &sort, page(&sort, Some(number.into()), None, per_page)).await.0,
                    "{sort:?} {number}"
                );
                assert!(!more.is_empty() && ids.len() < 60);
                ids.extend(more);
                next = after;
            }
            assert_eq!(ids, all, "{sort:?} with {per_page} on a page");
        }
    }
}

async fn rows_that_come_and_go_do_not_move_the_others(shelf: Shelf) {
    for sort in [&[][..], &[(Column::Watts, DOWN)], &[(Column::Name, UP)], &[(Column::Name, DOWN), (Column::Watts, UP)]] {
        let (all, _) = turn(&shelf, sort, page(sort, None, None, 100)).await;
        let (mut seen, mut next) = turn(&shelf, sort, page(sort, None, None, 7)).await;
        let mut gone = Vec::new();
        let mut come = Vec::new();
        while let Some(cursor) = next {
            // the last one that was seen goes, and so does one that was not; others come before and after
            gone.extend([*seen.last().unwrap(), all[all.len() - 1 - gone.len()]]);
            let new = (seen.len() as i64 % 6) * 100 + 5 + come.len() as i64 * 1_000;
            come.push(new);
            lamp::Entity::delete_many().filter(Column::Id.is_in(gone.clone())).exec(shelf.db.write()).await.unwrap();
            lamp::Entity::insert(lamp::ActiveModel { id: Set(new), ..row(new) })
                .exec_without_returning(shelf.db.write())
                .await
                .unwrap();
            let (more, after) = turn(&shelf, sort, page(sort, None, Some(&cursor), 7)).await;
            seen.extend(more);
            next = after;
        }
        let stayed = |id: &&i64| !gone.contains(id) && !come.contains(id);
        assert_eq!(seen.iter().filter(stayed).collect::<Vec<_>>(), all.iter().filter(stayed).collect::<Vec<_>>(), "{sort:?}");
        let mut twice = seen.clone();
        twice.sort_unstable();
        assert!(twice.windows(2).all(|pair| pair[0] != pair[1]), "{sort:?} showed one twice");
        lamp::Entity::delete_many().exec(shelf.db.write()).await.unwrap();
        lamp::Entity::insert_many((1..=60).map(row)).exec_without_returning(shelf.db.write()).await.unwrap();
    }
}

async fn a_cursor_that_was_made_up_is_refused(shelf: Shelf) {
    let sort: Sort<'_> = &[(Column::Watts, UP)];
    let first = page(sort, None, None, 7);
    for end in [
        vec![],
        vec![Key::Int(1)],
        vec![Key::Int(1), Key::Null],
        vec![Key::Text("1".into()), Key::Int(1)],
        vec![Key::Int(1), Key::Int(1), Key::Int(1)],
    ] {
        let made_up = first.clone().ending(60, Some(End::After(end))).next_cursor.unwrap();
        let page = page(sort, None, Some(&made_up), 7);
        let fault = keyset(sort).page(shelf.db.read(), lamp::Entity::find(), &page).await.unwrap_err();
        assert_eq!((fault.code(), fault.errors()[0].pointer.as_str()), (Code::InvalidArgument, "/cursor"));
    }
    let nothing: Result<Cursor, _> = "bm90aGluZw".parse();
    assert!(nothing.is_err());
}
