//! Events: told with the change or not at all, delivered until they are taken, straight and through RabbitMQ.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Ctx, Envelope, Event, Fault, Listener,
    bus::{self, Bus, DeadLetter, Fate, dead_letters},
    db::{Db, Durability, Pool},
    inbox,
    jobs::Jobs,
    outbox,
    testing::{Kind, Stores},
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Runs each test straight, and through RabbitMQ and on PostgreSQL when ignored tests are run.
macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod straight {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Stores::embedded()).await;
            })*
        }
        mod broker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(super::Stores::servers()).await;
            })*
        }
    };
}

both_ways![
    an_event_comes_with_its_change_or_not_at_all,
    what_cannot_be_handled_becomes_a_dead_letter_and_the_rest_goes_on,
    what_cannot_be_reached_is_tried_until_it_can,
    a_dead_letter_can_be_replayed_and_dropped,
    two_relays_share_the_work,
    an_event_that_is_taken_twice_has_one_effect,
    events_are_in_the_trace_of_their_change,
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
struct Lit {
    lamp: u32,
}

impl Event for Lit {
    const TYPE: &'static str = "lamp.lit";
    fn subject(&self) -> String {
        self.lamp.to_string()
    }
    fn version(&self) -> i64 {
        1
    }
}

/// What a listener has seen, and what it answers to which lamp.
#[derive(Default)]
struct Log {
    seen: Mutex<Vec<(u32, Envelope)>>,
    faults: Mutex<HashMap<u32, Code>>,
}

impl Log {
    fn times(&self, lamp: u32) -> usize {
        self.seen.lock().unwrap().iter().filter(|(seen, _)| *seen == lamp).count()
    }

    fn answer(&self, lamp: u32, code: Option<Code>) {
        match code {
            Some(code) => self.faults.lock().unwrap().insert(lamp, code),
            None => self.faults.lock().unwrap().remove(&lamp),
        };
    }
}

struct Shop {
    db: Db,
    bus: Bus,
    log: Arc<Log>,
    stop: Jobs,
    _stores: Stores,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.stopping().cancel();
    }
}

async fn shop(stores: Stores) -> Shop {
    let db = Db::open("lamp", &stores.database("lamp").await, Pool::default(), Durability::Full).await.unwrap();
    db.migrate::<migrations::order::Migrator>().await.unwrap();
    let log = Arc::new(Log::default());
    let listener = Listener::new("watch", &["lamp.lit"], {
        let log = log.clone();
        move |_, event| {
            let log = log.clone();
            async move {
                let lit = event.read::<Lit>()?.unwrap();
                log.seen.lock().unwrap().push((lit.lamp, event));
                let code = log.faults.lock().unwrap().get(&lit.lamp).copied();
                code.map_or(Ok(()), |code| Err(Fault::new(code, format!("lamp {} is broken", lit.lamp))))
            }
        }
    });
    let (bus, stop) = (Bus::new(&stores.events(&["watch"]), vec![listener]).unwrap(), Jobs::default());
    bus.listen("watch", &stop);
    outbox::relay(&db, bus.clone(), &stop);
    Shop { db, bus, log, stop, _stores: stores }
}

fn cx() -> Ctx {
    Ctx::anonymous(Duration::from_secs(5))
}

impl Shop {
    async fn light(&self, lamps: std::ops::Range<u32>) {
        let tx = self.db.begin().await.unwrap();
        outbox::tell_all(&tx, &cx(), &lamps.map(|lamp| Lit { lamp }).collect::<Vec<_>>()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let wait = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let seen = || self.log.seen.lock().unwrap().iter().map(|(lamp, _)| *lamp).collect::<Vec<_>>();
        tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("{what}: {:?}", seen()));
    }

    async fn seen(&self, lamp: u32, times: usize) {
        self.until(&format!("lamp {lamp} {times} times"), async || self.log.times(lamp) >= times).await;
    }

    async fn dead(&self, fate: Fate) -> Vec<DeadLetter> {
        dead_letters(&self.bus, std::slice::from_ref(&self.db), None, fate).await.unwrap()
    }
}

async fn an_event_comes_with_its_change_or_not_at_all(stores: Stores) {
    let shop = shop(stores).await;
    let tx = shop.db.begin().await.unwrap();
    outbox::tell(&tx, &cx(), &Lit { lamp: 1 }).await.unwrap();
    drop(tx);
    shop.light(2..3).await;
    shop.seen(2, 1).await;
    assert_eq!(shop.log.times(1), 0, "it was rolled back");
    shop.until("the outbox is empty", async || outbox::state(shop.db.read()).await.unwrap().depth == 0).await;
}

async fn what_cannot_be_handled_becomes_a_dead_letter_and_the_rest_goes_on(stores: Stores) {
    let shop = shop(stores).await;
    shop.log.answer(0, Some(Code::Internal));
    shop.light(0..50).await;
    for lamp in 0..50 {
        shop.seen(lamp, 1).await;
    }
    shop.until("a dead letter", async || !shop.dead(Fate::Kept).await.is_empty()).await;
    let dead = shop.dead(Fate::Kept).await;
    assert_eq!((dead.len(), shop.log.times(0)), (1, 3), "the first attempt and one after each wait");
    assert_eq!((dead[0].attempts, dead[0].reason.as_str()), (3, "lamp 0 is broken"));
    assert_eq!(dead[0].event.as_ref().unwrap().id, dead[0].id);
    assert_eq!((1..50).map(|lamp| shop.log.times(lamp)).max(), Some(1));
}

async fn what_cannot_be_reached_is_tried_until_it_can(stores: Stores) {
    let shop = shop(stores).await;
    shop.log.answer(1, Some(Code::Unavailable));
    shop.light(1..2).await;
    // more often than what cannot be handled is tried
    shop.seen(1, 5).await;
    assert_eq!(shop.dead(Fate::Kept).await, []);
    shop.log.answer(1, None);
    let before = shop.log.times(1);
    shop.seen(1, before + 1).await;
    shop.until("the outbox is empty", async || outbox::state(shop.db.read()).await.unwrap().depth == 0).await;
}

async fn a_dead_letter_can_be_replayed_and_dropped(stores: Stores) {
    let shop = shop(stores).await;
    for lamp in [1, 2] {
        shop.log.answer(lamp, Some(Code::Internal));
    }
    shop.light(1..3).await;
    shop.until("two dead letters", async || shop.dead(Fate::Kept).await.len() == 2).await;
    let letters = shop.dead(Fate::Kept).await;
    let first = letters.iter().find(|letter| letter.event.as_ref().unwrap().subject == "1").unwrap().id;
    shop.log.answer(1, None);
    let replayed = dead_letters(&shop.bus, std::slice::from_ref(&shop.db), Some(first), Fate::Replayed).await.unwrap();
    assert_eq!(replayed.len(), 1);
    shop.seen(1, 4).await;
    assert_eq!(shop.dead(Fate::Kept).await.len(), 1);
    assert_eq!(shop.dead(Fate::Dropped).await.len(), 1);
    assert_eq!(shop.dead(Fate::Kept).await, []);
    assert_eq!(shop.log.times(2), 3);
}

async fn two_relays_share_the_work(stores: Stores) {
    let shop = shop(stores).await;
    outbox::relay(&shop.db.in_background(), shop.bus.clone(), &shop.stop);
    for start in 0..20 {
        shop.light(start * 50..start * 50 + 50).await;
    }
    for lamp in 0..1000 {
        shop.seen(lamp, 1).await;
    }
    assert_eq!(shop.log.seen.lock().unwrap().len(), 1000, "each was delivered by one of them");
}

async fn an_event_that_is_taken_twice_has_one_effect(stores: Stores) {
    let is_straight = stores.kind() == Kind::Embedded;
    let db = Db::open("lamp", &stores.database("lamp").await, Pool::default(), Durability::Full).await.unwrap();
    let table = "CREATE TABLE inbox (event_id uuid_text NOT NULL PRIMARY KEY, handled_at timestamp_with_timezone_text NOT NULL)";
    let postgres = "CREATE TABLE inbox (event_id uuid NOT NULL PRIMARY KEY, handled_at timestamptz NOT NULL)";
    db.write().execute_unprepared(if is_straight { table } else { postgres }).await.unwrap();
    let event = Envelope::new(&cx(), &Lit { lamp: 1 }).unwrap();
    let first = db.begin().await.unwrap();
    assert!(inbox::is_new(&first, event.id).await.unwrap());
    drop(first);
    for is_new in [true, false, false] {
        let tx = db.begin().await.unwrap();
        assert_eq!(inbox::is_new(&tx, event.id).await.unwrap(), is_new, "what was rolled back was not handled");
        tx.commit().await.unwrap();
    }
}

async fn events_are_in_the_trace_of_their_change(stores: Stores) {
    let shop = shop(stores).await;
    let cx = cx();
    let tx = shop.db.begin().await.unwrap();
    outbox::tell(&tx, &cx, &Lit { lamp: 1 }).await.unwrap();
    tx.commit().await.unwrap();
    shop.seen(1, 1).await;
    let seen = shop.log.seen.lock().unwrap()[0].1.clone();
    assert_eq!(seen.ctx(Duration::from_secs(1)).trace(), cx.trace());
}

/// A listener is started long after the first events were told; the broker keeps them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: see docs/testing.md"]
async fn events_wait_for_a_listener_that_is_not_there_yet() {
    let stores = Stores::servers();
    let db = Db::open("lamp", &stores.database("lamp").await, Pool::default(), Durability::Full).await.unwrap();
    db.migrate::<migrations::order::Migrator>().await.unwrap();
    let (stop, config) = (Jobs::default(), stores.events(&["watch"]));
    let seen = Arc::new(Mutex::new(0));
    let counter = seen.clone();
    let listener = Listener::new("watch", &["lamp.lit"], move |_, _| {
        *counter.lock().unwrap() += 1;
        std::future::ready(Ok(()))
    });
    let teller = Bus::new(&config, vec![listener.clone()]).unwrap();
    outbox::relay(&db, teller, &stop);
    let tx = db.begin().await.unwrap();
    outbox::tell_all(&tx, &cx(), &[Lit { lamp: 1 }, Lit { lamp: 2 }]).await.unwrap();
    tx.commit().await.unwrap();
    until(async || outbox::state(db.read()).await.unwrap().depth == 0).await;
    assert_eq!(*seen.lock().unwrap(), 0);
    Bus::new(&config, vec![listener]).unwrap().listen("watch", &stop);
    until(async || *seen.lock().unwrap() == 2).await;
    stop.stopping().cancel();
}

async fn until(is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[test]
fn settings_are_checked_by_name() {
    let refused = |config: bus::Config| Bus::new(&config, Vec::new()).unwrap_err().to_string();
    assert!(refused(bus::Config { prefetch: 0, ..Default::default() }).contains("events.prefetch"));
    assert!(refused(bus::Config { retry_ms: Vec::new(), ..Default::default() }).contains("events.retry_ms"));
    let broken = refused(bus::Config { broker_url: "http://me:hunter2@x".into(), ..Default::default() });
    assert!(broken.contains("events.broker_url") && !broken.contains("hunter2"), "{broken}");
    let prefix = bus::Config { broker_url: "amqp://x".into(), prefix: "a b".into(), ..Default::default() };
    assert!(refused(prefix).contains("events.prefix"));
}
