//! A database whose server goes away and comes back.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Fault,
    db::{Db, Durability, Pool},
    testing::{Stores, server},
};
use sea_orm::ConnectionTrait;
use std::time::{Duration, Instant};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Something between a client and the server at `to`, which can be taken away.
struct Between {
    port: u16,
    to: String,
    work: Option<JoinHandle<()>>,
}

impl Between {
    async fn start(to: &str) -> Self {
        let mut between = Self { port: 0, to: to.into(), work: None };
        between.put_back().await;
        between
    }

    async fn put_back(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
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
async fn nobody_waits_for_a_server_that_is_away() {
    let stores = Stores::servers();
    let url = stores.database("away").await;
    let address = server("SOUK_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432");
    let address = address.rsplit('@').next().unwrap();
    let mut between = Between::start(address).await;
    let url = url.replace(address, &format!("127.0.0.1:{}", between.port));
    // who asks the pool for a connection waits for a minute
    let pool = Pool { connections: 2, acquire_timeout_ms: 60_000, statement_timeout_ms: 10_000 };
    let db = Db::open("away", &url, pool, Durability::Normal).await.unwrap();
    db.read().execute_unprepared("SELECT 1").await.unwrap();

    between.take_away().await;
    // the connections that it had fail at once, too, and whoever asks before it is known may wait: ten in a row must not
    let (mut waiting, mut in_a_row) = (JoinSet::new(), 0);
    until(async || {
        let waiter = db.clone();
        let (answer, answered) = tokio::sync::oneshot::channel();
        waiting.spawn(async move {
            let read = waiter.read().execute_unprepared("SELECT 1").await.map_err(Fault::from);
            drop(answer.send((read.map(drop), waiter.begin().await.map(drop))));
        });
        let Ok(answered) = tokio::time::timeout(Duration::from_millis(100), answered).await else {
            in_a_row = 0;
            return false;
        };
        let (read, begin) = answered.unwrap();
        assert_eq!(read.unwrap_err().code(), Code::Unavailable);
        assert_eq!(begin.unwrap_err().code(), Code::Unavailable);
        in_a_row += 1;
        in_a_row == 10
    })
    .await;

    waiting.abort_all();
    between.put_back().await;
    until(async || db.read().execute_unprepared("SELECT 1").await.is_ok()).await;
    db.begin().await.unwrap().commit().await.unwrap();
}

/// Polls until it is so.
async fn until(is_so: impl AsyncFnMut() -> bool) {
    let (mut is_so, deadline) = (is_so, Instant::now() + Duration::from_secs(30));
    while !is_so().await {
        assert!(Instant::now() < deadline, "it never came to that");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
