//! Databases: servers that are away, come back or fall silent, tables of another release, calls that nobody waits for any more.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Fault, Health,
    db::{Db, Durability, Pool},
    jobs::Jobs,
    testing::{Stores, server},
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A release whose last step is the one with the number `N`; step 1 makes the table `things`.
struct Release<const N: usize>;

struct Step(usize);

impl MigrationName for Step {
    fn name(&self) -> &str {
        ["0001_things", "0002_colour", "0003_rebuilt"][self.0]
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match (self.0, manager.get_database_backend()) {
            (0, _) => {
                "CREATE TABLE things (id bigint PRIMARY KEY); \
                 CREATE TABLE parts (id bigint PRIMARY KEY, thing bigint NOT NULL REFERENCES things (id))"
            }
            // a step that adds: the release before does not notice
            (1, _) => "ALTER TABLE things ADD COLUMN colour text",
            // SQLite's way to change what it cannot alter
            (_, DbBackend::Sqlite) => {
                "CREATE TABLE things_new (id bigint PRIMARY KEY, colour text DEFAULT 'red'); \
                 INSERT INTO things_new SELECT id, colour FROM things; \
                 DROP TABLE things; ALTER TABLE things_new RENAME TO things"
            }
            _ => "ALTER TABLE things ALTER COLUMN colour SET DEFAULT 'red'",
        };
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}

#[async_trait::async_trait]
impl<const N: usize> MigratorTrait for Release<N> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        (0..N).map(|step| Box::new(Step(step)) as Box<dyn MigrationTrait>).collect()
    }

    fn migration_table_name() -> DynIden {
        "thing_migrations".into_iden()
    }
}

/// On both kinds of stores.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(kernel::testing::Stores::embedded()).await;
            })*
        }
        mod servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(kernel::testing::Stores::servers()).await;
            })*
        }
    };
}
on_both![two_releases_share_a_schema, instances_migrate_once, a_table_can_be_made_anew, a_dropped_transaction_leaves_nothing];

async fn open<M: MigratorTrait + 'static>(url: &str) -> Db {
    Db::open::<M>("thing", url, Pool::default(), Durability::Normal).await.unwrap()
}

async fn insert(db: &Db, id: i64) {
    db.write().execute_unprepared(&format!("INSERT INTO things (id) VALUES ({id})")).await.unwrap();
}

async fn count(db: &Db) -> i64 {
    let sql = Statement::from_string(db.read().get_database_backend(), "SELECT count(*) FROM things");
    db.read().query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// The old release runs; the new one migrates and runs beside it; the old one starts again.
async fn two_releases_share_a_schema(stores: Stores) {
    let url = stores.database("things").await;
    let (jobs, old, new) = (Jobs::default(), open::<Release<1>>(&url).await, open::<Release<2>>(&url).await);
    old.keep_up(&jobs);
    old.up().await;
    insert(&old, 1).await;

    new.keep_up(&jobs);
    new.up().await;
    new.write().execute_unprepared("INSERT INTO things (id, colour) VALUES (2, 'blue')").await.unwrap();
    insert(&old, 3).await;

    let again = open::<Release<1>>(&url).await;
    again.keep_up(&jobs);
    again.up().await;
    insert(&again, 4).await;
    assert_eq!((count(&old).await, count(&new).await, count(&again).await), (4, 4, 4));
    // who has another past is refused: nobody knows what its tables are
    let stranger = open::<Stranger>(&url).await;
    stranger.migrate().await.unwrap_err();
    assert!(jobs.end(Duration::from_secs(10)).await);
}

/// A line of releases that has nothing to do with the other.
struct Stranger;

struct Elsewhere;

impl MigrationName for Elsewhere {
    fn name(&self) -> &str {
        "0001_elsewhere"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Elsewhere {
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}

#[async_trait::async_trait]
impl MigratorTrait for Stranger {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Elsewhere)]
    }

    fn migration_table_name() -> DynIden {
        "thing_migrations".into_iden()
    }
}

async fn instances_migrate_once(stores: Stores) {
    let url = stores.database("things").await;
    let jobs = Jobs::default();
    let mut instances = Vec::new();
    for _ in 0..8 {
        let db = open::<Release<2>>(&url).await;
        db.keep_up(&jobs);
        instances.push(db);
    }
    for db in &instances {
        db.up().await;
        db.check().await.unwrap();
    }
    insert(&instances[0], 1).await;
    assert_eq!(count(&instances[7]).await, 1);
    assert!(jobs.end(Duration::from_secs(10)).await);
}

/// With rows that refer to it: foreign keys are off while steps run, and checked afterwards.
async fn a_table_can_be_made_anew(stores: Stores) {
    let url = stores.database("things").await;
    let db = open::<Release<2>>(&url).await;
    db.migrate().await.unwrap();
    insert(&db, 1).await;
    db.write().execute_unprepared("INSERT INTO parts VALUES (1, 1)").await.unwrap();
    open::<Release<3>>(&url).await.migrate().await.unwrap();
    assert_eq!(count(&db).await, 1);
    let orphan = db.write().execute_unprepared("INSERT INTO parts VALUES (2, 7)").await;
    assert!(orphan.is_err(), "foreign keys are on again");
}

async fn a_dropped_transaction_leaves_nothing(stores: Stores) {
    let db = open::<Release<1>>(&stores.database("things").await).await;
    db.migrate().await.unwrap();
    let counted = Arc::new(AtomicU64::new(0));
    let counter = metrics::Counter::from_arc(counted.clone());
    for id in 0..20 {
        let tx = db.begin().await.unwrap();
        tx.count(counter.clone(), 1);
        tx.execute_unprepared(&format!("INSERT INTO things (id) VALUES ({id})")).await.unwrap();
        // a constraint that breaks leaves PostgreSQL's transaction useless, and the connection must be good again afterwards
        drop(tx.execute_unprepared("INSERT INTO parts VALUES (1, 99)").await.unwrap_err());
    }
    assert_eq!(count(&db).await, 0);
    let tx = db.begin().await.unwrap();
    tx.execute_unprepared("INSERT INTO things (id) VALUES (1)").await.unwrap();
    tx.count(counter, 3);
    assert_eq!(counted.load(Ordering::Relaxed), 0, "nothing is committed yet");
    tx.commit().await.unwrap();
    assert_eq!((count(&db).await, counted.load(Ordering::Relaxed)), (1, 3));
}

#[tokio::test]
async fn an_abandoned_call_does_not_hold_up_sqlite() {
    let stores = Stores::embedded();
    let db = open::<Release<1>>(&stores.database("things").await).await;
    db.migrate().await.unwrap();
    // the one connection that writes is abandoned in the middle of a statement, inside a transaction
    let slow = "INSERT INTO things SELECT value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n \
                LIMIT 300000) SELECT value FROM n)";
    let tx = db.begin().await.unwrap();
    tokio::time::timeout(Duration::from_millis(20), tx.execute_unprepared(slow)).await.expect_err("it takes longer");
    drop(tx);
    insert(&db, 7).await;
    assert_eq!(count(&db).await, 1);
}

fn postgres() -> String {
    server("SOUK_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn an_abandoned_call_frees_its_connection_at_once() {
    let stores = Stores::servers();
    let url = stores.database("things").await;
    let pool = Pool { connections: 1, ..Pool::default() };
    let db = Db::open::<Release<1>>("thing", &url, pool, Durability::Normal).await.unwrap();
    db.migrate().await.unwrap();
    insert(&db, 1).await;
    // it holds the row, and would hold the only connection for a minute
    let tx = db.begin().await.unwrap();
    tx.execute_unprepared("SELECT * FROM things FOR UPDATE").await.unwrap();
    let slow = tokio::time::timeout(Duration::from_millis(100), tx.execute_unprepared("SELECT pg_sleep(60)"));
    slow.await.expect_err("it takes longer");
    let begun = Instant::now();
    drop(tx);
    db.read().execute_unprepared("SELECT 1").await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // the server notices that nobody is there, and lets go of the row
    let free = db.write().execute_unprepared("UPDATE things SET id = 2").await;
    free.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_process_that_stands_still_loses_its_locks() {
    let stores = Stores::servers();
    let url = stores.database("things").await;
    let db = open::<Release<1>>(&url).await;
    db.migrate().await.unwrap();
    insert(&db, 1).await;
    let still = db.begin().await.unwrap();
    still.execute_unprepared("UPDATE things SET id = 2").await.unwrap();
    // another one waits its time, and is told so
    let other = db.begin().await.unwrap();
    let waited = other.execute_unprepared("UPDATE things SET id = 3").await.map_err(Fault::from);
    drop(other);
    if let Err(fault) = waited {
        assert_eq!(fault.code(), Code::Unavailable);
        db.write().execute_unprepared("UPDATE things SET id = 3").await.unwrap();
    }
    assert_eq!(still.commit().await.unwrap_err().code(), Code::Unavailable, "its time was over");
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_role_that_may_not_create_tables_serves_a_migrated_database() {
    let stores = Stores::servers();
    let url = stores.database("things").await;
    let owner = open::<Release<1>>(&url).await;
    let role = stores.name().replace("souk_test", "souk_role");
    let sql = format!("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role} LOGIN");
    owner.write().execute_unprepared(&sql).await.unwrap();
    let db = open::<Release<1>>(&url.replace("postgres@", &format!("{role}@"))).await;

    let jobs = Jobs::default();
    db.keep_up(&jobs);
    // it may not make them itself: not ready, and no crash
    until(async || db.check().await.is_err_and(|e| e.to_string() != "starting")).await;
    owner.migrate().await.unwrap();
    let grant = format!("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}");
    owner.write().execute_unprepared(&grant).await.unwrap();
    // and heals by itself
    db.up().await;
    insert(&db, 1).await;
    assert!(jobs.end(Duration::from_secs(10)).await);
    owner.write().execute_unprepared(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_step_that_cannot_have_its_lock_does_not_queue_the_shop_behind_it() {
    let stores = Stores::servers();
    let url = stores.database("things").await;
    let db = open::<Release<1>>(&url).await;
    db.migrate().await.unwrap();
    // a report reads the table for a long time
    let long = db.begin().await.unwrap();
    long.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0; SELECT * FROM things").await.unwrap();
    let newer = open::<Release<2>>(&url).await;
    let step = tokio::spawn(async move { newer.migrate().await });
    let begun = Instant::now();
    // the shop's statements wait behind the step while it waits, which has an end
    until(async || {
        let waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ADD COLUMN colour%'";
        db.read().query_one_raw(Statement::from_string(DbBackend::Postgres, waits)).await.unwrap().is_some()
    })
    .await;
    insert(&db, 1).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    step.await.unwrap().unwrap_err();
    long.commit().await.unwrap();
    open::<Release<2>>(&url).await.migrate().await.unwrap();
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn time_is_that_of_the_database() {
    let stores = Stores::servers();
    let db = open::<Release<1>>(&stores.database("things").await).await;
    db.migrate().await.unwrap();
    let sql = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp()");
    let before = db.now();
    let there: kernel::chrono::DateTime<kernel::chrono::Utc> =
        db.read().query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap();
    let after = db.now();
    let slack = kernel::chrono::TimeDelta::milliseconds(50);
    assert!(before - slack <= there && there <= after + slack, "{before} {there} {after}");
}

/// Something between a client and the server at `to`, which can be taken away.
struct Between {
    port: u16,
    to: String,
    work: Option<JoinHandle<()>>,
}

impl Between {
    fn new(to: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, to: to.into(), work: None }
    }

    async fn put_back(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let to = self.to.clone();
        self.work = Some(tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let to = to.clone();
                open.spawn(async move {
                    let mut server = TcpStream::connect(to).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                });
            }
        }));
    }

    async fn take_away(&mut self) {
        let work = self.work.take().unwrap();
        work.abort();
        drop(work.await);
    }
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_database_that_is_away_at_start_or_later_is_no_wait_and_heals() {
    let stores = Stores::servers();
    let url = stores.database("away").await;
    let address = postgres();
    let address = address.rsplit('@').next().unwrap();
    let mut between = Between::new(address);
    let url = url.replace(address, &format!("127.0.0.1:{}", between.port));
    // who waited for a connection would wait for a minute
    let pool = Pool { connections: 2, acquire_timeout_ms: 60_000, statement_timeout_ms: 10_000 };
    let (db, jobs) = (Db::open::<Release<1>>("away", &url, pool, Durability::Normal).await.unwrap(), Jobs::default());
    db.keep_up(&jobs);
    let is_refused_at_once = async || {
        let begun = Instant::now();
        let read = db.read().execute_unprepared("SELECT 1").await.map_err(Fault::from).map(drop);
        let begin = db.begin().await.map(drop);
        let codes = (read.map_err(|e| e.code()), begin.map_err(|e| e.code()));
        codes == (Err(Code::Unavailable), Err(Code::Unavailable)) && begun.elapsed() < Duration::from_millis(100)
    };
    until(is_refused_at_once).await;
    assert_eq!(db.check().await.unwrap_err().to_string(), "the database cannot be reached");

    between.put_back().await;
    db.up().await;
    insert(&db, 1).await;

    between.take_away().await;
    let mut in_a_row = 0;
    until(async || {
        in_a_row = if is_refused_at_once().await { in_a_row + 1 } else { 0 };
        in_a_row == 10
    })
    .await;
    between.put_back().await;
    until(async || db.read().execute_unprepared("SELECT 1").await.is_ok()).await;
    db.begin().await.unwrap().commit().await.unwrap();
    assert!(jobs.end(Duration::from_secs(10)).await);
}

/// Polls until it is so.
async fn until(is_so: impl AsyncFnMut() -> bool) {
    let (mut is_so, deadline) = (is_so, Instant::now() + Duration::from_secs(30));
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never came to that");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The worker of a server whose thread is blocked, with the connection that it made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_blocked_worker_does_not_stop_the_queries_of_others() {
    let stores = Stores::servers();
    let pool = Pool { connections: 1, ..Pool::default() };
    let url = stores.database("things").await;
    let db = Db::open::<Release<1>>("thing", &url, pool, Durability::Normal).await.unwrap();
    let one = async |db: &Db| db.read().execute_unprepared("SELECT 1").await.map(drop);
    let (blocks, is_blocked) = tokio::sync::oneshot::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let worker = std::thread::spawn({
        let db = db.clone();
        // each worker of a server has a runtime of its own
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                one(&db).await.unwrap();
                blocks.send(()).unwrap();
                // until the test lets it go on, or ends
                goes_on.recv().unwrap_err();
            });
        }
    });
    is_blocked.await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(10), one(&db)).await;
    drop(go_on);
    worker.join().unwrap();
    answer.expect("another request is answered meanwhile").unwrap();
}
