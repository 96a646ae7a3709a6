//! Events: published with the change or not at all, delivered until they are handled, directly and through RabbitMQ.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Ctx, Envelope, Event, Fault, InternalKey, Listener,
    chrono::TimeDelta,
    db::{Db, Durability, Pool},
    delivery::{self, Bus, DeadLetter, DeadLetterAction, dead_letters},
    inbox,
    jobs::Jobs,
    outbox::{self, DeadLetterFilter},
    sweep,
    testing::{Stores, rabbitmq},
};
use lapin::{
    BasicProperties, Channel, Connection,
    options::{BasicPublishOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use sea_orm::{ColumnTrait, Database, EntityTrait, IntoActiveModel, PaginatorTrait, Set};
use sea_orm_migration::prelude::{DbErr, DynIden, IntoIden, MigrationName, MigrationTrait, MigratorTrait, SchemaManager};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

/// Runs each test with direct delivery on SQLite; and, when ignored tests are run, directly on PostgreSQL and through RabbitMQ.
macro_rules! both_ways {
    ($($test:ident),* $(,)?) => {
        mod direct {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Setup { stores: super::Stores::embedded(), has_broker: false }).await;
            })*
        }
        mod direct_on_servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(super::Setup { stores: super::Stores::servers(), has_broker: false }).await;
            })*
        }
        mod broker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(super::Setup { stores: super::Stores::servers(), has_broker: true }).await;
            })*
        }
    };
}

both_ways![
    an_event_comes_with_its_change_or_not_at_all,
    an_event_that_cannot_be_handled_becomes_a_dead_letter_and_holds_up_no_other,
    a_listener_that_is_away_is_tried_until_it_is_back,
    an_event_that_cannot_be_read_is_a_dead_letter_and_holds_up_no_other,
    an_event_that_is_too_old_is_a_dead_letter_whatever_the_reason,
    a_listener_that_is_broken_slow_or_away_holds_up_no_other,
    an_event_that_is_slow_holds_up_no_other,
    after_an_outage_everything_comes,
    a_dead_letter_can_be_replayed_and_dropped,
    a_dead_letter_is_replayed_for_one_listener_only,
    all_dead_letters_are_listed_and_dropped,
    an_event_that_was_published_before_there_is_a_relay_is_delivered,
    an_event_of_an_older_release_is_delivered,
    two_relays_share_the_work,
    an_event_that_is_handled_twice_has_one_effect,
    old_rows_are_swept_in_batches,
    events_are_in_the_trace_of_their_change,
];

/// The steps to the tables of a module that publishes and handles events.
struct Tables;

enum Step {
    Outbox,
    Listener,
    Inbox,
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        match self {
            Self::Outbox => "0001_outbox",
            Self::Listener => "0002_outbox_listener",
            Self::Inbox => "0003_inbox",
        }
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match self {
            Self::Outbox => outbox::create_table(manager).await,
            Self::Listener => outbox::add_listener(manager).await,
            Self::Inbox => inbox::create_table(manager).await,
        }
    }
}

#[async_trait::async_trait]
impl MigratorTrait for Tables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Step::Outbox), Box::new(Step::Listener), Box::new(Step::Inbox)]
    }

    fn migration_table_name() -> DynIden {
        "lamp_migrations".into_iden()
    }
}

/// The stores of a test, and whether its events go through a broker.
struct Setup {
    stores: Stores,
    has_broker: bool,
}

impl Setup {
    async fn db(&self) -> Db {
        let db =
            Db::open::<Tables>("lamp", &self.stores.database("lamp").await, Pool::default(), Durability::Full).await.unwrap();
        db.migrate().await.unwrap();
        db
    }

    fn config(&self, listeners: &[&str]) -> delivery::Config {
        let config = self.stores.events(listeners);
        if self.has_broker { config } else { delivery::Config { broker_url: String::new(), ..config } }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
struct Lit {
    lamp: u32,
}

/// A lamp was sold.
#[derive(Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
struct Sold;

impl Event for Sold {
    const TYPE: &'static str = "lamp.sold";
    fn subject(&self) -> String {
        "1".into()
    }
    fn version(&self) -> i64 {
        0
    }
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

/// What a listener has seen, and what it does with which lamp.
#[derive(Default)]
struct Log {
    seen: Mutex<Vec<(u32, Envelope)>>,
    moods: Mutex<HashMap<u32, Mood>>,
}

/// What a listener does with an event.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Fails(Code),
    Panics,
    Hangs,
}

/// Every lamp that has no mood of its own.
const ANY: u32 = u32::MAX;

impl Log {
    fn in_mood(mood: Mood) -> Arc<Self> {
        let log = Self::default();
        log.moods.lock().unwrap().insert(ANY, mood);
        Arc::new(log)
    }

    fn times(&self, lamp: u32) -> usize {
        self.seen.lock().unwrap().iter().filter(|(seen, _)| *seen == lamp).count()
    }

    fn lamps(&self) -> BTreeSet<u32> {
        self.seen.lock().unwrap().iter().map(|(lamp, _)| *lamp).collect()
    }

    fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn answer(&self, lamp: u32, code: Option<Code>) {
        self.set(lamp, code.map(Mood::Fails));
    }

    fn set(&self, lamp: u32, mood: Option<Mood>) {
        match mood {
            Some(mood) => self.moods.lock().unwrap().insert(lamp, mood),
            None => self.moods.lock().unwrap().remove(&lamp),
        };
    }

    fn listener(self: &Arc<Self>, name: &'static str) -> Listener {
        let log = self.clone();
        Listener::new(name, &["lamp.lit"], move |_, event| {
            let log = log.clone();
            async move {
                let lamp = event.read::<Lit>()?.unwrap().lamp;
                log.seen.lock().unwrap().push((lamp, event));
                let moods = log.moods.lock().unwrap().clone();
                match moods.get(&lamp).or(moods.get(&ANY)) {
                    None => Ok(()),
                    Some(Mood::Fails(code)) => Err(Fault::new(*code, format!("lamp {lamp} is broken"))),
                    Some(Mood::Panics) => panic!("on purpose"),
                    Some(Mood::Hangs) => std::future::pending().await,
                }
            }
        })
    }
}

struct Shop {
    db: Db,
    bus: Bus,
    /// Of the listener `watch`.
    log: Arc<Log>,
    key: InternalKey,
    config: delivery::Config,
    stop: Jobs,
    setup: Setup,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.stopping().cancel();
    }
}

/// A shop with one listener.
async fn shop(setup: Setup) -> Shop {
    shop_with(setup, &[]).await
}

/// A shop with a listener `watch`, and these.
async fn shop_with(setup: Setup, others: &[(&'static str, &Arc<Log>)]) -> Shop {
    let (db, log, key, stop) = (setup.db().await, Arc::new(Log::default()), InternalKey::random(), Jobs::default());
    let names: Vec<&str> = others.iter().map(|(name, _)| *name).chain(["watch"]).collect();
    let listeners = others.iter().map(|(name, log)| log.listener(name)).chain([log.listener("watch")]);
    let config = setup.config(&names);
    let bus = Bus::new(&config, listeners.collect(), key.clone()).unwrap();
    for name in names {
        bus.listen(name, &stop);
    }
    outbox::relay(&db, bus.clone(), &stop);
    Shop { db, bus, log, key, config, stop, setup }
}

fn cx() -> Ctx {
    Ctx::anonymous(Duration::from_secs(5))
}

async fn light(db: &Db, lamps: std::ops::Range<u32>) {
    let tx = db.begin().await.unwrap();
    outbox::publish_all(&tx, &cx(), &lamps.map(|lamp| Lit { lamp }).collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
}

impl Shop {
    async fn light(&self, lamps: std::ops::Range<u32>) {
        light(&self.db, lamps).await;
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        self.soon(what, Duration::from_secs(30), is_so).await;
    }

    async fn soon(&self, what: &str, patience: Duration, is_so: impl AsyncFn() -> bool) {
        let wait = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let seen = || self.log.seen.lock().unwrap().iter().map(|(lamp, _)| *lamp).collect::<Vec<_>>();
        tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| panic!("{what}: {:?}", seen()));
    }

    async fn seen(&self, lamp: u32, times: usize) {
        self.until(&format!("lamp {lamp} {times} times"), async || self.log.times(lamp) >= times).await;
    }

    async fn nothing_left(&self) {
        self.until("the outbox is empty", async || outbox::state(self.db.read()).await.unwrap().depth == 0).await;
    }

    async fn dead(&self, action: DeadLetterAction) -> Vec<DeadLetter> {
        self.dead_of(&DeadLetterFilter::default(), action).await
    }

    async fn dead_of(&self, which: &DeadLetterFilter, action: DeadLetterAction) -> Vec<DeadLetter> {
        dead_letters(&self.bus, std::slice::from_ref(&self.db), which, action).await.unwrap()
    }
}

async fn an_event_comes_with_its_change_or_not_at_all(setup: Setup) {
    let shop = shop(setup).await;
    let tx = shop.db.begin().await.unwrap();
    outbox::publish(&tx, &cx(), &Lit { lamp: 1 }).await.unwrap();
    drop(tx);
    shop.light(2..3).await;
    shop.seen(2, 1).await;
    assert_eq!(shop.log.times(1), 0, "it was rolled back");
    shop.nothing_left().await;
}

async fn an_event_that_cannot_be_handled_becomes_a_dead_letter_and_holds_up_no_other(setup: Setup) {
    let shop = shop(setup).await;
    shop.log.answer(0, Some(Code::Internal));
    shop.light(0..50).await;
    for lamp in 0..50 {
        shop.seen(lamp, 1).await;
    }
    shop.until("a dead letter", async || !shop.dead(DeadLetterAction::List).await.is_empty()).await;
    let dead = shop.dead(DeadLetterAction::List).await;
    assert_eq!((dead.len(), shop.log.times(0)), (1, 3), "the first attempt and one after each wait");
    assert_eq!((dead[0].attempts, dead[0].reason.as_str()), (3, "lamp 0 is broken"));
    assert_eq!(dead[0].event.as_ref().unwrap().id, dead[0].id);
    assert_eq!((1..50).map(|lamp| shop.log.times(lamp)).max(), Some(1));
}

async fn a_listener_that_is_away_is_tried_until_it_is_back(setup: Setup) {
    let shop = shop(setup).await;
    shop.log.answer(1, Some(Code::Unavailable));
    shop.light(1..2).await;
    // more often than what cannot be handled is tried
    shop.seen(1, 5).await;
    assert_eq!(shop.dead(DeadLetterAction::List).await, []);
    shop.log.answer(1, None);
    let before = shop.log.times(1);
    shop.seen(1, before + 1).await;
    shop.nothing_left().await;
}

async fn an_event_that_cannot_be_read_is_a_dead_letter_and_holds_up_no_other(setup: Setup) {
    let shop = shop(setup).await;
    for listener in [outbox::EVERYONE, "watch"] {
        let row = outbox::Model {
            id: Uuid::now_v7(),
            listener: listener.into(),
            event: "{}".into(),
            attempts: 0,
            due_at: shop.db.now(),
            reason: None,
            dead_at: None,
            replayed_at: None,
        };
        outbox::Entity::insert(row.into_active_model()).exec_without_returning(shop.db.write()).await.unwrap();
    }
    shop.light(1..2).await;
    shop.seen(1, 1).await;
    shop.until("two dead letters", async || shop.dead(DeadLetterAction::List).await.len() == 2).await;
    for letter in shop.dead(DeadLetterAction::List).await {
        assert_eq!((letter.reason.as_str(), letter.event), ("The event cannot be read", None));
    }
}

async fn a_dead_letter_can_be_replayed_and_dropped(setup: Setup) {
    let shop = shop(setup).await;
    for lamp in [1, 2] {
        shop.log.answer(lamp, Some(Code::Internal));
    }
    shop.light(1..3).await;
    shop.until("two dead letters", async || shop.dead(DeadLetterAction::List).await.len() == 2).await;
    let letters = shop.dead(DeadLetterAction::List).await;
    let first = letters.iter().find(|letter| letter.event.as_ref().unwrap().subject == "1").unwrap().id;
    shop.log.answer(1, None);
    let replayed = shop.dead_of(&DeadLetterFilter { id: Some(first), listener: None }, DeadLetterAction::Replay).await;
    assert_eq!(replayed.len(), 1);
    shop.seen(1, 4).await;
    assert_eq!(shop.dead(DeadLetterAction::List).await.len(), 1);
    assert_eq!(shop.dead(DeadLetterAction::Drop).await.len(), 1);
    assert_eq!(shop.dead(DeadLetterAction::List).await, []);
    assert_eq!(shop.log.times(2), 3);
}

/// An event that was told longer ago than events are kept for a listener.
async fn light_long_ago(db: &Db, listener: &str, lamp: u32) {
    light_ago(db, listener, lamp, TimeDelta::days(4)).await;
}

async fn light_ago(db: &Db, listener: &str, lamp: u32, time: TimeDelta) {
    let mut event = Envelope::new(&cx(), &Lit { lamp }).unwrap();
    event.time -= time;
    let millis = u64::try_from(event.time.timestamp_millis()).unwrap();
    event.id = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    let row = outbox::Model {
        id: event.id,
        listener: listener.into(),
        event: serde_json::to_string(&event).unwrap(),
        attempts: 0,
        due_at: event.time,
        reason: None,
        dead_at: None,
        replayed_at: None,
    };
    outbox::Entity::insert(row.into_active_model()).exec_without_returning(db.write()).await.unwrap();
}

async fn an_event_that_is_too_old_is_a_dead_letter_whatever_the_reason(setup: Setup) {
    let shop = shop(setup).await;
    shop.log.answer(1, Some(Code::Unavailable));
    light_long_ago(&shop.db, outbox::EVERYONE, 1).await;
    shop.until("a dead letter", async || !shop.dead(DeadLetterAction::List).await.is_empty()).await;
    assert_eq!(shop.log.times(1), 1);
    assert_eq!(shop.dead(DeadLetterAction::List).await[0].reason, "lamp 1 is broken");
    // who replays it gives it its time again
    assert_eq!(shop.dead(DeadLetterAction::Replay).await.len(), 1);
    shop.seen(1, 4).await;
    assert_eq!(shop.dead(DeadLetterAction::List).await, []);
    // and what is old and can be taken is taken
    light_long_ago(&shop.db, outbox::EVERYONE, 2).await;
    shop.seen(2, 1).await;
}

async fn a_listener_that_is_broken_slow_or_away_holds_up_no_other(setup: Setup) {
    let moods = [
        ("broken", Mood::Fails(Code::Internal)),
        ("panics", Mood::Panics),
        ("slow", Mood::Hangs),
        ("away", Mood::Fails(Code::Unavailable)),
    ];
    let others = moods.map(|(name, mood)| (name, Log::in_mood(mood)));
    let shop = shop_with(setup, &others.each_ref().map(|(name, log)| (*name, log))).await;
    for start in 0..4 {
        shop.light(start * 50..start * 50 + 50).await;
    }
    // sooner than the slow one is given up once
    shop.soon("all lamps", Duration::from_secs(9), async || shop.log.lamps().len() == 200).await;
    assert_eq!(shop.log.calls(), 200, "each came once");
    for (name, log) in &others {
        shop.until(name, async || log.calls() > 0).await;
    }
    let broken = async || {
        let letters = shop.dead_of(&DeadLetterFilter { id: None, listener: Some("broken".into()) }, DeadLetterAction::List).await;
        letters.len() == 200 && letters.iter().all(|letter| letter.listener == "broken" && letter.attempts == 3)
    };
    shop.until("dead letters of the broken one", broken).await;
}

async fn an_event_that_is_slow_holds_up_no_other(setup: Setup) {
    let shop = shop(setup).await;
    shop.log.set(0, Some(Mood::Hangs));
    shop.light(0..1).await;
    for start in 0..6 {
        shop.light(start * 50 + 1..start * 50 + 51).await;
    }
    shop.soon("all lamps", Duration::from_secs(9), async || shop.log.lamps().len() == 301).await;
    assert_eq!(shop.log.times(0), 1);
}

async fn after_an_outage_everything_comes(setup: Setup) {
    let shop = shop(setup).await;
    shop.log.set(ANY, Some(Mood::Fails(Code::Unavailable)));
    shop.light(0..300).await;
    shop.until("some knocks", async || shop.log.calls() > 34).await;
    if !shop.setup.has_broker {
        assert!(shop.log.lamps().len() < 60, "who is away is not asked about everything");
    }
    shop.log.set(ANY, None);
    shop.log.seen.lock().unwrap().clear();
    shop.until("all lamps", async || shop.log.lamps().len() == 300).await;
    shop.nothing_left().await;
}

async fn a_dead_letter_is_replayed_for_one_listener_only(setup: Setup) {
    let other = Log::in_mood(Mood::Fails(Code::Internal));
    let shop = shop_with(setup, &[("other", &other)]).await;
    shop.log.answer(1, Some(Code::Internal));
    shop.light(1..2).await;
    shop.until("two dead letters", async || shop.dead(DeadLetterAction::List).await.len() == 2).await;
    shop.log.answer(1, None);
    let watch = DeadLetterFilter { id: None, listener: Some("watch".into()) };
    let replayed = shop.dead_of(&watch, DeadLetterAction::Replay).await;
    assert_eq!(replayed.iter().map(|letter| letter.listener.as_str()).collect::<Vec<_>>(), ["watch"]);
    shop.seen(1, 4).await;
    let left = shop.dead(DeadLetterAction::List).await;
    assert_eq!(left.iter().map(|letter| letter.listener.as_str()).collect::<Vec<_>>(), ["other"]);
    assert_eq!((shop.log.times(1), other.times(1)), (4, 3));
}

async fn all_dead_letters_are_listed_and_dropped(setup: Setup) {
    let shop = shop(setup).await;
    shop.log.set(ANY, Some(Mood::Fails(Code::Internal)));
    // more than are read at once
    shop.light(0..1_050).await;
    shop.until("dead letters", async || outbox::state(shop.db.read()).await.unwrap().depth == 0).await;
    shop.until("dead letters", async || shop.dead(DeadLetterAction::List).await.len() == 1_050).await;
    let ids: BTreeSet<Uuid> = shop.dead(DeadLetterAction::Drop).await.iter().map(|letter| letter.id).collect();
    assert_eq!(ids.len(), 1_050);
    assert_eq!(shop.dead(DeadLetterAction::List).await, []);
}

async fn an_event_that_was_published_before_there_is_a_relay_is_delivered(setup: Setup) {
    let (db, log, stop) = (setup.db().await, Arc::new(Log::default()), Jobs::default());
    light(&db, 0..120).await;
    let config = setup.config(&["watch"]);
    // a time without a broker, or with one
    light_long_ago(&db, "watch", 200).await;
    let bus = Bus::new(&config, vec![log.listener("watch")], InternalKey::random()).unwrap();
    bus.listen("watch", &stop);
    outbox::relay(&db, bus, &stop);
    until(async || log.lamps().len() == 121).await;
    until(async || outbox::state(db.read()).await.unwrap().depth == 0).await;
    assert_eq!(log.calls(), 121);
    stop.stopping().cancel();
}

/// It knew of no listeners, and goes on writing while the newer one runs.
async fn an_event_of_an_older_release_is_delivered(setup: Setup) {
    let url = setup.stores.database("lamp").await;
    let create = format!("{url}{}", if url.starts_with("sqlite") { "?mode=rwc" } else { "" });
    let older = Database::connect(create).await.unwrap();
    Tables::up(&older, Some(1)).await.unwrap();
    let tell = async |lamp| {
        let event = Envelope::new(&cx(), &Lit { lamp }).unwrap();
        let row = older_outbox::ActiveModel {
            id: Set(event.id),
            event: Set(serde_json::to_string(&event).unwrap()),
            attempts: Set(0),
            due_at: Set(event.time),
            reason: Set(None),
            dead_at: Set(None),
        };
        older_outbox::Entity::insert(row).exec_without_returning(&older).await.unwrap();
    };
    tell(1).await;
    let db = Db::open::<Tables>("lamp", &url, Pool::default(), Durability::Full).await.unwrap();
    db.migrate().await.unwrap();
    tell(2).await;
    let (logs, stop) = ([Arc::new(Log::default()), Arc::new(Log::default())], Jobs::default());
    let config = setup.config(&["watch", "other"]);
    let listeners = vec![logs[0].listener("watch"), logs[1].listener("other")];
    let bus = Bus::new(&config, listeners, InternalKey::random()).unwrap();
    for name in ["watch", "other"] {
        bus.listen(name, &stop);
    }
    outbox::relay(&db, bus, &stop);
    until(async || logs.iter().all(|log| log.lamps() == BTreeSet::from([1, 2]))).await;
    until(async || outbox::state(db.read()).await.unwrap().depth == 0).await;
    stop.stopping().cancel();
}

/// The outbox as releases before listeners see it.
mod older_outbox {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: Uuid,
        #[sea_orm(column_type = "Text")]
        pub(crate) event: String,
        pub(crate) attempts: i32,
        pub(crate) due_at: DateTimeUtc,
        #[sea_orm(column_type = "Text", nullable)]
        pub(crate) reason: Option<String>,
        pub(crate) dead_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The second one is a process of its own: its own connections, and its own end of the bus.
async fn two_relays_share_the_work(setup: Setup) {
    let url = setup.stores.database("lamp").await;
    let open = async || Db::open::<Tables>("lamp", &url, Pool::default(), Durability::Full).await.unwrap();
    let (first, second, key, config) = (open().await, open().await, InternalKey::random(), setup.config(&["watch"]));
    first.migrate().await.unwrap();
    let (logs, jobs) = ([Arc::new(Log::default()), Arc::new(Log::default())], [Jobs::default(), Jobs::default()]);
    for (index, db) in [&first, &second].into_iter().enumerate() {
        let bus = Bus::new(&config, vec![logs[index].listener("watch")], key.clone()).unwrap();
        bus.listen("watch", &jobs[index]);
        outbox::relay(db, bus, &jobs[index]);
    }
    let seen = || logs[0].calls() + logs[1].calls();
    for start in 0..10 {
        light(&first, start * 50..start * 50 + 50).await;
    }
    until(async || seen() >= 500).await;
    // events that are published where no relay runs any longer are delivered by the other one
    assert!(jobs[0].end(Duration::from_secs(20)).await);
    for start in 10..20 {
        light(&first, start * 50..start * 50 + 50).await;
    }
    until(async || seen() >= 1_000).await;
    until(async || outbox::state(second.read()).await.unwrap().depth == 0).await;
    assert_eq!(seen(), 1_000, "each was delivered by one of them");
    let lamps: BTreeSet<u32> = logs[0].lamps().union(&logs[1].lamps()).copied().collect();
    assert_eq!((lamps.len(), logs[1].calls() >= 500), (1_000, true));
    jobs[1].stopping().cancel();
}

/// When a module leaves the shop, its events stay behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_listener_that_left_the_shop_is_a_dead_letter_in_the_end() {
    let setup = Setup { stores: Stores::embedded(), has_broker: false };
    let db = setup.db().await;
    light_long_ago(&db, "left", 1).await;
    // another process of the shop may have a listener that this one does not know yet
    light_ago(&db, "left", 2, TimeDelta::days(1)).await;
    let (log, stop, config) = (Arc::new(Log::default()), Jobs::default(), setup.config(&["watch"]));
    let bus = Bus::new(&config, vec![log.listener("watch")], InternalKey::random()).unwrap();
    outbox::relay(&db, bus.clone(), &stop);
    let dead = async || {
        dead_letters(&bus, std::slice::from_ref(&db), &DeadLetterFilter::default(), DeadLetterAction::List).await.unwrap()
    };
    until(async || !dead().await.is_empty()).await;
    let dead = dead().await;
    let dead: Vec<_> = dead.iter().map(|letter| (letter.listener.as_str(), letter.reason.as_str())).collect();
    assert_eq!(dead, [("left", "The shop has no such listener")]);
    assert_eq!(outbox::state(db.read()).await.unwrap().depth, 1);
    stop.stopping().cancel();
}

async fn old_rows_are_swept_in_batches(setup: Setup) {
    let db = setup.db().await;
    let now = db.now();
    let row = |days| inbox::Model { event_id: Uuid::now_v7(), handled_at: now - TimeDelta::days(days) }.into_active_model();
    inbox::Entity::insert_many((0..1_203).map(|n| row(if n < 3 { 29 } else { 31 })))
        .exec_without_returning(db.write())
        .await
        .unwrap();
    assert_eq!(
        sweep::in_batches::<inbox::Entity>(db.write(), inbox::Column::HandledAt.lt(now - TimeDelta::days(32))).await,
        Ok(0)
    );
    inbox::sweep(db.write()).await.unwrap();
    assert_eq!(inbox::Entity::find().count(db.read()).await.unwrap(), 3);
    let composite = outbox::Column::DueAt.lt(now - TimeDelta::days(1));
    db.migrate().await.unwrap();
    for (lamp, listener) in [(1, "a"), (1, "b")] {
        light_long_ago(&db, listener, lamp).await;
    }
    light(&db, 2..3).await;
    assert_eq!(sweep::in_batches::<outbox::Entity>(db.write(), composite).await, Ok(2));
    assert_eq!(outbox::state(db.read()).await.unwrap().depth, 1);
}

async fn an_event_that_is_handled_twice_has_one_effect(setup: Setup) {
    let db = setup.db().await;
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

async fn events_are_in_the_trace_of_their_change(setup: Setup) {
    let shop = shop(setup).await;
    let cx = cx();
    let tx = shop.db.begin().await.unwrap();
    outbox::publish(&tx, &cx, &Lit { lamp: 1 }).await.unwrap();
    tx.commit().await.unwrap();
    shop.seen(1, 1).await;
    let seen = shop.log.seen.lock().unwrap()[0].1.clone();
    assert_eq!(seen.ctx(Duration::from_secs(1)).trace(), cx.trace());
}

/// The broker has waits of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_delivery_failed_is_due_again_after_a_wait() {
    let setup = Setup { stores: Stores::embedded(), has_broker: false };
    let (db, log, stop) = (setup.db().await, Arc::new(Log::default()), Jobs::default());
    let config = delivery::Config { retry_ms: vec![60_000], ..setup.config(&["watch"]) };
    outbox::relay(&db, Bus::new(&config, vec![log.listener("watch")], InternalKey::random()).unwrap(), &stop);
    log.answer(1, Some(Code::Internal));
    log.answer(2, Some(Code::TooManyRequests));
    light(&db, 1..2).await;
    // long enough ago for the longest wait after a transient fault
    light_ago(&db, "watch", 2, TimeDelta::days(1)).await;
    let rows = async || outbox::Entity::find().all(db.read()).await.unwrap();
    until(async || rows().await.iter().all(|row| row.reason.is_some())).await;
    for row in rows().await {
        assert!(row.due_at > db.now() + TimeDelta::seconds(20), "{:?}", row.reason);
    }
    assert_eq!((log.times(1), log.times(2)), (1, 1));
    stop.stopping().cancel();
}

/// A listener is started long after the first events were told; the broker keeps them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: see docs/testing.md"]
async fn events_wait_for_a_listener_that_is_not_there_yet() {
    let setup = Setup { stores: Stores::servers(), has_broker: true };
    let (db, stop, config, key) = (setup.db().await, Jobs::default(), setup.config(&["watch"]), InternalKey::random());
    let log = Arc::new(Log::default());
    outbox::relay(&db, Bus::new(&config, vec![log.listener("watch")], key.clone()).unwrap(), &stop);
    light(&db, 1..3).await;
    until(async || outbox::state(db.read()).await.unwrap().depth == 0).await;
    assert_eq!(log.calls(), 0);
    Bus::new(&config, vec![log.listener("watch")], key).unwrap().listen("watch", &stop);
    until(async || log.calls() == 2).await;
    stop.stopping().cancel();
}

async fn channel() -> (Connection, Channel) {
    let connection = Connection::connect(&rabbitmq(), Default::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// Puts a message into the exchange, as anyone can who may publish.
async fn publish(shop: &Shop, channel: &Channel, event: &Envelope, signature: Option<String>) {
    let mut headers = FieldTable::default();
    if let Some(signature) = signature {
        headers.insert("souk-signature".into(), AMQPValue::LongString(signature.into()));
    }
    let properties = BasicProperties::default().with_message_id(event.id.to_string().into()).with_headers(headers);
    let (exchange, body) = (format!("{}.events", shop.config.prefix), serde_json::to_vec(event).unwrap());
    let options = BasicPublishOptions::default();
    channel.basic_publish(exchange.into(), event.r#type.as_str().into(), options, &body, properties).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_message_that_no_process_of_the_shop_has_signed_is_a_dead_letter() {
    let shop = shop(Setup { stores: Stores::servers(), has_broker: true }).await;
    // the shop has made its exchange
    shop.light(0..1).await;
    shop.seen(0, 1).await;
    let (_connection, channel) = channel().await;
    let event = |lamp| Envelope::new(&cx(), &Lit { lamp }).unwrap();
    let (unsigned, forged, signed) = (event(1), event(2), event(3));
    publish(&shop, &channel, &unsigned, None).await;
    let another = InternalKey::random().sign_bytes(&serde_json::to_vec(&forged).unwrap()).unwrap();
    publish(&shop, &channel, &forged, Some(another)).await;
    let ours = shop.key.sign_bytes(&serde_json::to_vec(&signed).unwrap()).unwrap();
    publish(&shop, &channel, &signed, Some(ours)).await;
    shop.seen(3, 1).await;
    shop.until("two dead letters", async || shop.dead(DeadLetterAction::List).await.len() == 2).await;
    for letter in shop.dead(DeadLetterAction::List).await {
        assert_eq!(letter.reason, "Not signed by this shop");
    }
    assert_eq!(shop.log.lamps(), BTreeSet::from([0, 3]));
    // an operator answers for what is replayed
    shop.dead_of(&DeadLetterFilter { id: Some(unsigned.id), listener: None }, DeadLetterAction::Replay).await;
    shop.seen(1, 1).await;
    assert_eq!(shop.dead(DeadLetterAction::Drop).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_queue_with_other_arguments_is_used_as_it_is() {
    let setup = Setup { stores: Stores::servers(), has_broker: true };
    let prefix = setup.config(&["watch"]).prefix;
    let (_connection, channel) = channel().await;
    for queue in ["watch", "watch.dead"] {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(7));
        let name = format!("{prefix}.{queue}");
        channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.unwrap();
    }
    let shop = shop(setup).await;
    shop.log.answer(1, Some(Code::Internal));
    shop.light(1..3).await;
    shop.seen(2, 1).await;
    shop.until("a dead letter", async || shop.dead(DeadLetterAction::List).await.len() == 1).await;
}

/// The queue still gets what an older release listened to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_listener_does_not_get_types_that_it_no_longer_wants() {
    let setup = Setup { stores: Stores::servers(), has_broker: true };
    let (db, stop, config, key) = (setup.db().await, Jobs::default(), setup.config(&["watch"]), InternalKey::random());
    let older = Listener::new("watch", &["lamp.lit", "lamp.sold"], |_, _| std::future::ready(Ok(())));
    outbox::relay(&db, Bus::new(&config, vec![older], key.clone()).unwrap(), &stop);
    light(&db, 1..3).await;
    until(async || outbox::state(db.read()).await.unwrap().depth == 0).await;
    // what it still wants comes last: when that was seen, the others have been begun
    let tx = db.begin().await.unwrap();
    outbox::publish(&tx, &cx(), &Sold).await.unwrap();
    tx.commit().await.unwrap();
    until(async || outbox::state(db.read()).await.unwrap().depth == 0).await;
    let seen = Arc::new(Mutex::new(0));
    let newer = Listener::new("watch", &["lamp.sold"], {
        let seen = seen.clone();
        move |_, _| {
            *seen.lock().unwrap() += 1;
            std::future::ready(Ok(()))
        }
    });
    let bus = Bus::new(&config, vec![newer], key).unwrap();
    bus.listen("watch", &stop);
    let (_connection, channel) = channel().await;
    let passive = || QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
    let left = async || {
        let queue = channel.queue_declare(format!("{}.watch", config.prefix).into(), passive(), FieldTable::default());
        queue.await.unwrap().message_count()
    };
    until(async || *seen.lock().unwrap() == 1).await;
    assert!(stop.end(Duration::from_secs(20)).await);
    assert_eq!((left().await, *seen.lock().unwrap()), (0, 1), "they were acknowledged");
    assert_eq!(dead_letters(&bus, &[], &DeadLetterFilter::default(), DeadLetterAction::List).await.unwrap(), []);
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
    let refused = |config: delivery::Config| Bus::new(&config, Vec::new(), InternalKey::random()).unwrap_err().to_string();
    assert!(refused(delivery::Config { prefetch: 0, ..Default::default() }).contains("events.prefetch"));
    assert!(refused(delivery::Config { give_up_hours: 0, ..Default::default() }).contains("events.give_up_hours"));
    assert!(refused(delivery::Config { retry_ms: Vec::new(), ..Default::default() }).contains("events.retry_ms"));
    let broken = refused(delivery::Config { broker_url: "http://me:hunter2@x".into(), ..Default::default() });
    assert!(broken.contains("events.broker_url") && !broken.contains("hunter2"), "{broken}");
    let prefix = delivery::Config { broker_url: "amqp://x".into(), prefix: "a b".into(), ..Default::default() };
    assert!(refused(prefix).contains("events.prefix"));
}
