//! Idempotency keys: one effect and one answer, even if holders die, sleep or run at the same time.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Access, ApiError, Code, Condition, Ctx, Fault, MAX_DEADLINE, Method, Op, Problem, Retry,
    chrono::{DateTime, TimeDelta, Utc},
    db::{Db, Durability, Pool},
    idempotency::{self, Begun, Column, Entity, Held, KEPT, LEASE, Model},
    jobs::Jobs,
    testing::{Stores, customer},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter, sea_query::Expr,
};
use sea_orm_migration::prelude::{DbErr, DynIden, IntoIden, MigrationName, MigrationTrait, MigratorTrait, SchemaManager};
use std::{collections::HashSet, time::Duration};
use tokio::task::JoinSet;

/// Runs each test on SQLite, and on PostgreSQL when ignored tests are run.
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(&Shelf::on(Stores::embedded()).await).await;
            })*
        }
        mod servers {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(&Shelf::on(Stores::servers()).await).await;
            })*
        }
    };
}

on_both_stores![
    fifty_twins_on_a_key_whose_lease_has_ended_have_one_effect,
    a_holder_that_was_taken_over_can_do_no_more,
    a_late_holder_may_finish_work_that_was_not_taken_over,
    an_answer_is_never_taken_over,
    a_refusal_is_answered_again,
    work_that_is_let_go_or_abandoned_is_free_at_once,
    only_the_same_request_is_answered,
    a_job_takes_over_only_abandoned_work,
    old_keys_are_swept_however_many,
];

const PUT: Op = Op {
    module: "shelf",
    name: "put",
    id: "shelf.put",
    method: Method::Post,
    path: "/lamps",
    public: None,
    access: Access::User,
    retry: Retry::Key,
    etag: false,
    localized: false,
    condition: Condition::None,
    upload: None,
    download: &[],
    within: None,
    location: None,
    rate: None,
    status: 201,
    errors: &[],
};

/// The steps to the tables of a module with keyed operations.
struct Tables;

struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0001_idempotency"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        idempotency::create_table(manager).await?;
        idempotency::add_problem(manager).await
    }
}

#[async_trait::async_trait]
impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Step)]
    }

    fn migration_table_name() -> DynIden {
        "shelf_migrations".into_iden()
    }
}

/// Something on which work has an effect.
struct Shelf {
    db: Db,
    _stores: Stores,
}

fn cx() -> Ctx {
    customer(1).with_key("k")
}

type Lamp = u64;

impl Shelf {
    async fn on(stores: Stores) -> Self {
        let db = Db::open::<Tables>("shelf", &stores.database("shelf").await, Pool::default(), Durability::Normal).await.unwrap();
        db.migrate().await.unwrap();
        db.write().execute_unprepared("CREATE TABLE lamps (number BIGINT NOT NULL)").await.unwrap();
        Self { db, _stores: stores }
    }

    async fn begin(&self, cx: &Ctx) -> Result<Begun<Lamp, Fault>, Fault> {
        idempotency::begin(&self.db, cx, &PUT, &"a lamp").await
    }

    /// Begins work that is to end in another transaction.
    async fn hold(&self) -> Held {
        match self.begin(&cx()).await.unwrap() {
            Begun::Now(tx, held) => {
                tx.commit().await.unwrap();
                held
            }
            Begun::Before(answer) => panic!("{answer:?}"),
        }
    }

    /// What is answered without any work.
    async fn answer(&self, cx: &Ctx) -> Result<Lamp, Fault> {
        match self.begin(cx).await? {
            Begun::Before(answer) => answer,
            Begun::Now(..) => panic!("there is work to do"),
        }
    }

    /// The effect, and its reply.
    async fn end(&self, held: &Held) -> Result<Lamp, Fault> {
        let lamp = u64::from(rand::random::<u32>());
        let tx = self.db.begin().await?;
        tx.execute_unprepared(&format!("INSERT INTO lamps VALUES ({lamp})")).await?;
        held.finish(&tx, &lamp).await?;
        tx.commit().await?;
        Ok(lamp)
    }

    /// Work in two transactions, as when another module is asked in between.
    async fn put(&self) -> Result<Lamp, Fault> {
        let (tx, held) = match self.begin(&cx()).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        tx.commit().await?;
        tokio::task::yield_now().await;
        self.end(&held).await
    }

    async fn lamps(&self) -> usize {
        let rows = sea_orm::Statement::from_string(self.db.read().get_database_backend(), "SELECT number FROM lamps");
        self.db.read().query_all_raw(rows).await.unwrap().len()
    }

    async fn row(&self) -> Option<Model> {
        Entity::find().one(self.db.read()).await.unwrap()
    }

    /// As if this much time had passed.
    async fn passes(&self, time: TimeDelta) {
        let Some(row) = self.row().await else { return };
        let earlier = Entity::update_many().col_expr(Column::StartedAt, Expr::value(row.started_at - time));
        let it = Column::StartedAt.eq(row.started_at).and(Column::Reply.is_null());
        earlier.filter(it).exec(self.db.write()).await.unwrap();
    }

    /// As if the work had begun at this time, and time passed by the same clock for everyone.
    async fn began(&self, at: DateTime<Utc>) {
        Entity::update_many().col_expr(Column::StartedAt, Expr::value(at)).exec(self.db.write()).await.unwrap();
    }
}

fn code(outcome: Result<impl Sized, Fault>) -> Code {
    outcome.map(drop).unwrap_err().code()
}

async fn fifty_twins_on_a_key_whose_lease_has_ended_have_one_effect(shelf: &Shelf) {
    // a process died with the key
    drop(shelf.hold().await);
    shelf.passes(LEASE).await;

    let mut twins = JoinSet::new();
    for _ in 0..50 {
        let shelf = Shelf { db: shelf.db.clone(), _stores: Stores::embedded() };
        twins.spawn(async move {
            let mut left_to_die = 3;
            loop {
                // some are killed wherever they are
                let life = if left_to_die > 0 { rand::random_range(0..12_000) } else { 30_000_000 };
                match tokio::time::timeout(Duration::from_micros(life), shelf.put()).await {
                    Ok(Ok(lamp)) => return lamp,
                    Ok(Err(fault)) => assert_eq!(fault.code(), Code::Conflict, "{fault}"),
                    Err(_) => left_to_die -= 1,
                }
                // as they are told to, but sooner
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    // the leases of those who were killed end
    let mut pause = Duration::from_millis(5);
    let mut answers = HashSet::new();
    while !twins.is_empty() {
        match tokio::time::timeout(pause, twins.join_next()).await {
            Ok(Some(twin)) => drop(answers.insert(twin.unwrap())),
            Ok(None) => break,
            Err(_) => {
                shelf.passes(LEASE).await;
                pause = pause * 5 / 4;
            }
        }
    }
    assert_eq!((answers.len(), shelf.lamps().await), (1, 1), "one effect, and everybody the same reply");
}

async fn a_holder_that_was_taken_over_can_do_no_more(shelf: &Shelf) {
    let dead = shelf.hold().await;
    assert_eq!(code(shelf.begin(&cx()).await), Code::Conflict, "it is believed to run");
    // the clock goes on for everybody: the dead one still holds what it held
    let since = shelf.row().await.unwrap().started_at - LEASE;
    shelf.began(since).await;
    let alive = shelf.hold().await;
    for moment in ["while the other works", "after it has finished"] {
        let tx = shelf.db.begin().await.unwrap();
        assert_eq!(code(dead.finish(&tx, &7).await), Code::Conflict, "{moment}");
        assert_eq!(code(dead.abandon(&tx).await), Code::Conflict, "{moment}");
        assert_eq!(code(dead.release(&tx).await), Code::Conflict, "{moment}");
        assert_eq!(code(dead.refuse(&tx, &Problem::from(Fault::away("no"))).await), Code::Conflict, "{moment}");
        drop(tx);
        assert_eq!(code(shelf.end(&dead).await), Code::Conflict, "{moment}");
        if shelf.lamps().await == 0 {
            shelf.end(&alive).await.unwrap();
        }
    }
    assert_eq!(shelf.lamps().await, 1);
    // nor can the one that has finished, again
    assert_eq!(code(shelf.end(&alive).await), Code::Conflict);
    assert_eq!(shelf.lamps().await, 1);
}

async fn a_late_holder_may_finish_work_that_was_not_taken_over(shelf: &Shelf) {
    let slow = shelf.hold().await;
    let lamp = shelf.end(&slow).await.unwrap();
    let again = cx();
    assert_eq!(shelf.answer(&again).await.unwrap(), lamp);
    assert!(again.is_replayed());
}

async fn an_answer_is_never_taken_over(shelf: &Shelf) {
    let held = shelf.hold().await;
    let lamp = shelf.end(&held).await.unwrap();
    shelf.began(Utc::now() - LEASE * 2).await;
    assert_eq!(shelf.answer(&cx()).await.unwrap(), lamp);
    let tx = shelf.db.begin().await.unwrap();
    assert!(idempotency::take_over(&shelf.db, &tx, &cx(), &PUT).await.unwrap().is_none());
}

async fn a_refusal_is_answered_again(shelf: &Shelf) {
    let held = shelf.hold().await;
    let refusal = Fault::new(Code::PaymentRequired, "Not for sale");
    let tx = shelf.db.begin().await.unwrap();
    held.refuse(&tx, &refusal.clone().into_problem()).await.unwrap();
    tx.commit().await.unwrap();
    let again = cx();
    assert_eq!(shelf.answer(&again).await.unwrap_err(), refusal);
    assert!(again.is_replayed());
    assert_eq!(code(shelf.end(&held).await), Code::Conflict, "it is an answer like any other");
    // the release before sees a key whose request is gone, and so does not wait for it
    let row = shelf.row().await.unwrap();
    assert!(row.reply.is_none() && row.started_at + LEASE <= shelf.db.now());
}

async fn work_that_is_let_go_or_abandoned_is_free_at_once(shelf: &Shelf) {
    let first = shelf.hold().await;
    let tx = shelf.db.begin().await.unwrap();
    first.release(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let second = shelf.hold().await;
    assert_eq!(code(shelf.end(&first).await), Code::Conflict);
    let tx = shelf.db.begin().await.unwrap();
    second.abandon(&tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(shelf.row().await, None);
    let third = shelf.hold().await;
    shelf.end(&third).await.unwrap();
    assert_eq!(shelf.lamps().await, 1);
}

async fn only_the_same_request_is_answered(shelf: &Shelf) {
    let held = shelf.hold().await;
    shelf.end(&held).await.unwrap();
    let another = idempotency::begin::<Lamp, Fault>(&shelf.db, &cx(), &PUT, &"a rug").await;
    assert_eq!(code(another), Code::Unprocessable);
    let someone = customer(2).with_key("k");
    assert!(matches!(shelf.begin(&someone).await.unwrap(), Begun::Now(..)), "keys of users do not meet");
    let without = customer(1);
    assert!(matches!(shelf.begin(&without).await.unwrap(), Begun::Now(..)));
}

async fn a_job_takes_over_only_abandoned_work(shelf: &Shelf) {
    let take = async || {
        let tx = shelf.db.begin().await.unwrap();
        let held = idempotency::take_over(&shelf.db, &tx, &cx(), &PUT).await.unwrap();
        tx.commit().await.unwrap();
        held
    };
    assert!(take().await.is_none(), "there is none");
    let dead = shelf.hold().await;
    assert!(take().await.is_none(), "it is being worked on");
    shelf.began(shelf.row().await.unwrap().started_at - LEASE).await;
    let job = take().await.unwrap();
    assert_eq!(job.key(), Some("k"));
    assert_eq!(code(shelf.begin(&cx()).await), Code::Conflict, "now the job works on it");
    assert_eq!(code(shelf.end(&dead).await), Code::Conflict);
    let lamp = shelf.end(&job).await.unwrap();
    assert_eq!(shelf.answer(&cx()).await.unwrap(), lamp);
}

async fn old_keys_are_swept_however_many(shelf: &Shelf) {
    let rows = |count: u32, name: &'static str, at: DateTime<Utc>| {
        (0..count).map(move |i| {
            let (scope, key, request_hash) = ("shelf.put user 1".into(), format!("{name} {i}"), String::new());
            Model { scope, key, request_hash, reply: None, problem: None, started_at: at }.into_active_model()
        })
    };
    let now = shelf.db.now();
    for (count, name, at) in [(1_203, "old", now - KEPT - TimeDelta::minutes(1)), (7, "new", now - KEPT + TimeDelta::minutes(1))]
    {
        Entity::insert_many(rows(count, name, at)).exec_without_returning(shelf.db.write()).await.unwrap();
    }
    // every instance does it
    let (one, other) = tokio::join!(idempotency::sweep(&shelf.db), idempotency::sweep(&shelf.db));
    one.and(other).unwrap();
    idempotency::sweep(&shelf.db).await.unwrap();
    assert_eq!(Entity::find().count(shelf.db.read()).await.unwrap(), 7);
    // and every module does, as soon as it is started
    Entity::insert_many(rows(3, "older", now - KEPT * 2)).exec_without_returning(shelf.db.write()).await.unwrap();
    let jobs = Jobs::default();
    idempotency::keep_swept(&shelf.db, &jobs);
    let swept = async {
        while Entity::find().count(shelf.db.read()).await.unwrap() != 7 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), swept).await.unwrap();
    jobs.stopping().cancel();
}

#[test]
fn a_lease_is_a_little_longer_than_any_deadline() {
    let lease = LEASE.to_std().unwrap();
    assert!(lease > MAX_DEADLINE && lease <= MAX_DEADLINE + Duration::from_secs(60), "{lease:?}");
}
