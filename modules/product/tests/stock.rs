//! What the shop learns of its stock: thresholds and their events, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    ApiError, Code, Envelope, IfMatch, InternalKey, Listener, OrderId, Tagged,
    chrono::TimeDelta,
    db::{Db, Pool},
    delivery::Bus,
    jobs::Jobs,
    module::Started,
    now, outbox, placements,
    testing::{Stores, admin, anonymous, customer, start},
};
use product::{
    Config, HoldLine, HoldRequest, ListMovements, ListStock, MovementKind, NewMovement, NewProduct, OptionOf, Product,
    ProductApi, ProductClient, ProductError, ProductId, Products, SetStock, SetVariant, SetVariants, Stock, StockEntry, StockLow,
    StockPatch, VariantId,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

placements! {
    ProductClient, products: [
        a_threshold_is_set_and_removed,
        stock_that_becomes_low_is_published_once,
        of_many_buyers_one_makes_the_stock_low,
        admins_list_the_stock,
        movements_are_listed_by_time,
    ]
}

/// The other parts of a test.
struct Fixture {
    db: Db,
    events: Arc<Mutex<Vec<Envelope>>>,
    _stores: Stores,
}

impl Fixture {
    /// The events so far, the oldest first, once all are delivered.
    async fn events(&self) -> Vec<StockLow> {
        let delivered = async {
            while outbox::state(self.db.read()).await.unwrap().depth > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), delivered).await.expect("the events are delivered");
        let mut events = self.events.lock().unwrap().clone();
        events.sort_by_key(|event| event.id);
        events.dedup_by_key(|event| event.id);
        assert!(events.iter().all(|event| event.source == "/souk/product"), "{events:?}");
        events.iter().map(|event| event.read().unwrap().unwrap()).collect()
    }

    /// The pieces in the events, and of which variant.
    async fn lows(&self) -> Vec<(i64, u32)> {
        self.events().await.iter().map(|low| (low.variant_id.0, low.available)).collect()
    }
}

async fn products(stores: Stores) -> (Products, Fixture) {
    let events: Arc<Mutex<Vec<Envelope>>> = Arc::default();
    let listener = Listener::new("test", &["stock.low"], {
        let events = events.clone();
        move |_, event| {
            events.lock().unwrap().push(event);
            std::future::ready(Ok(()))
        }
    });
    let bus = Bus::new(&Default::default(), vec![listener], InternalKey::random()).unwrap();
    // tests run on busy machines
    let pool = Pool { acquire_timeout_ms: 30_000, ..Pool::default() };
    let config = Config { database_url: stores.database("product").await, pool, ..Config::default() };
    let Started { service, store } = start::<Products>(&config, ()).await;
    outbox::relay(&store, bus, &Jobs::default());
    (service, Fixture { db: store, events, _stores: stores })
}

async fn add(client: &ProductClient, name: &str, stock: i64) -> Product {
    let price = "1".parse().unwrap();
    let new = NewProduct { name: name.into(), price, stock_quantity: stock, ..NewProduct::default() };
    client.create(&admin(), new).await.unwrap()
}

async fn patch(client: &ProductClient, id: VariantId, if_match: IfMatch, json: &str) -> Result<Stock, ProductError> {
    client.patch_stock(&admin(), id, if_match, kernel::serde_json::from_str::<StockPatch>(json).unwrap()).await
}

async fn low_at(client: &ProductClient, id: VariantId, low_at: i64) -> Stock {
    patch(client, id, IfMatch::Absent, &format!(r#"{{"low_at":{low_at}}}"#)).await.unwrap()
}

async fn hold(client: &ProductClient, id: i64, lines: &[(ProductId, Option<VariantId>, u32)]) -> Result<(), ProductError> {
    let line = |&(product_id, variant_id, quantity)| HoldLine { product_id, variant_id, quantity };
    let request = HoldRequest { lines: lines.iter().map(line).collect(), expires_at: now() + TimeDelta::minutes(5) };
    client.called_by("order").hold(&anonymous(), OrderId(id), request).await.map(drop)
}

async fn release(client: &ProductClient, id: i64) {
    client.called_by("order").release(&anonymous(), OrderId(id)).await.unwrap();
}

fn delta(pieces: i64) -> NewMovement {
    NewMovement { delta: Some(pieces), counted: None, reason: None, note: None }
}

fn sized(id: Option<VariantId>, size: &str) -> SetVariant {
    let options = vec![OptionOf { name: "Size".into(), value: size.into() }];
    SetVariant { id, options, sku: Some(format!("SHIRT-{size}").as_str().into()), ..SetVariant::default() }
}

async fn a_threshold_is_set_and_removed(client: ProductClient, f: &Fixture) {
    let lamp = add(&client, "Lamp", 10).await;
    let id = lamp.id.first_variant();
    let first = client.stock(&admin(), id).await.unwrap();
    assert_eq!((first.low_at, first.is_low, first.version), (None, false, 1));
    let same = patch(&client, id, IfMatch::Absent, "{}").await.unwrap();
    assert_eq!(same, first);

    let with = patch(&client, id, IfMatch::seen(&first), r#"{"low_at":10}"#).await.unwrap();
    assert_eq!((with.low_at, with.is_low, with.version, with.available), (Some(10), true, 2, 10));
    assert_ne!(with.etag(), first.etag());
    assert_eq!(patch(&client, id, IfMatch::Absent, r#"{"low_at":10}"#).await.unwrap(), with, "a repeated change is none");
    assert_eq!(client.stock(&admin(), id).await.unwrap(), with);
    let late = patch(&client, id, IfMatch::seen(&first), r#"{"low_at":1}"#).await.unwrap_err().into_problem();
    assert_eq!((late.code.as_str(), late.etag), ("precondition_failed", Some(with.etag())));
    assert!(!low_at(&client, id, 9).await.is_low);
    let without = patch(&client, id, IfMatch::Any, r#"{"low_at":null}"#).await.unwrap();
    assert_eq!((without.low_at, without.is_low, without.version), (None, false, 4));
    assert_eq!(client.get(&anonymous(), lamp.id).await.unwrap(), lamp, "it is no change of the product");

    for (json, rule) in
        [(r#"{"low_at":-1}"#, "low_at must be at least 0"), (r#"{"low_at":1000001}"#, "low_at must be at most 1000000")]
    {
        assert_eq!(patch(&client, id, IfMatch::Absent, json).await.unwrap_err().to_string(), rule);
    }
    for none in [IfMatch::Absent, IfMatch::Any] {
        assert_eq!(patch(&client, VariantId(99), none, "{}").await, Err(ProductError::VariantNotFound));
    }
    let denied = client.patch_stock(&customer(1), id, IfMatch::Absent, StockPatch::default()).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    assert_eq!(f.lows().await, [], "a threshold alone changes no stock");
}

async fn stock_that_becomes_low_is_published_once(client: ProductClient, f: &Fixture) {
    let lamp = add(&client, "Lamp", 10).await;
    let id = lamp.id.first_variant();
    low_at(&client, id, 5).await;
    let take = async |order, pieces| hold(&client, order, &[(lamp.id, None, pieces)]).await.unwrap();
    take(1, 4).await;
    assert_eq!(f.lows().await, [], "six are left");
    take(2, 1).await;
    let low =
        StockLow { variant_id: id, product_id: lamp.id, sku: None, name: "Lamp".into(), available: 5, low_at: 5, version: 4 };
    assert_eq!(f.events().await, [low]);
    // it is low already
    take(3, 1).await;
    client.move_stock(&admin(), id, delta(-1)).await.unwrap();
    release(&client, 2).await;
    release(&client, 3).await;
    assert_eq!(client.stock(&admin(), id).await.unwrap().available, 5);
    assert_eq!(f.lows().await.len(), 1);
    // what was refused or sold changes nothing
    hold(&client, 4, &[(lamp.id, None, 6)]).await.unwrap_err();
    client.called_by("order").commit(&anonymous(), OrderId(1)).await.unwrap();
    assert_eq!(f.lows().await.len(), 1);
    // above, and low again: by a clerk, by a number that is set, by an order
    let mut expected = vec![(id.0, 5)];
    for round in 0..3 {
        client.set_stock(&admin(), lamp.id, IfMatch::Any, SetStock { quantity: 6 }).await.unwrap();
        match round {
            0 => drop(client.move_stock(&admin(), id, delta(-6)).await.unwrap()),
            1 => drop(client.set_stock(&admin(), lamp.id, IfMatch::Any, SetStock { quantity: 2 }).await.unwrap()),
            _ => take(5, 3).await,
        }
        expected.push((id.0, [0, 2, 3][round]));
        assert_eq!(f.lows().await, expected);
    }

    // each variant has its own, and one order may make several low; removing one makes it low, too
    let shirt = add(&client, "Shirt", 4).await.id;
    let more = |size| SetVariant { stock_quantity: Some(4), ..sized(None, size) };
    let variants = vec![sized(Some(shirt.first_variant()), "S"), more("M"), more("L"), more("XL")];
    let set = async |variants| client.set_variants(&admin(), shirt, IfMatch::Absent, SetVariants { variants }).await.unwrap();
    let all: Vec<VariantId> = set(variants).await.variants.unwrap().iter().map(|variant| variant.id).collect();
    for id in &all[..3] {
        low_at(&client, *id, 2).await;
    }
    let lines: Vec<_> = all.iter().map(|id| (shirt, Some(*id), if *id == all[2] { 1 } else { 2 })).collect();
    hold(&client, 6, &lines).await.unwrap();
    set(vec![sized(Some(all[0]), "S")]).await;
    let events = f.events().await.split_off(4);
    let mut seen: Vec<_> = events.iter().map(|low| (low.variant_id, low.sku.as_deref().unwrap(), low.available)).collect();
    seen[..2].sort_unstable();
    assert_eq!(seen, [(all[0], "SHIRT-S", 2), (all[1], "SHIRT-M", 2), (all[2], "SHIRT-L", 0)]);
    assert_eq!((events[2].name.as_str(), events[2].product_id), ("Shirt (L)", shirt));
}

async fn of_many_buyers_one_makes_the_stock_low(client: ProductClient, f: &Fixture) {
    let lamp = add(&client, "Lamp", 100).await;
    let id = lamp.id.first_variant();
    low_at(&client, id, 50).await;
    let buy = async |orders: std::ops::Range<i64>| {
        let buyers = orders.map(|order| {
            let client = client.clone();
            tokio::spawn(async move { hold(&client, order, &[(lamp.id, None, 1)]).await.unwrap() })
        });
        for buyer in buyers.collect::<Vec<_>>() {
            buyer.await.unwrap();
        }
    };
    buy(1..61).await;
    assert_eq!(client.stock(&admin(), id).await.unwrap().available, 40);
    assert_eq!(f.lows().await, [(id.0, 50)]);
    for order in 1..21 {
        release(&client, order).await;
    }
    buy(100..120).await;
    assert_eq!(f.lows().await, [(id.0, 50), (id.0, 50)]);
}

/// All pages of a list, by cursor, two on each; their number must be the total.
async fn listed(client: &ProductClient, query: ListStock) -> Vec<StockEntry> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let query = ListStock { cursor: cursor.take(), per_page: Some(2), ..query.clone() };
        let page = client.list_stock(&admin(), query).await.unwrap();
        all.extend(page.stock);
        let Some(next) = page.pagination.next_cursor else {
            assert_eq!(page.pagination.total, all.len() as u64);
            return all;
        };
        cursor = Some(next.parse().unwrap());
    }
}

async fn admins_list_the_stock(client: ProductClient, _: &Fixture) {
    let lamp = add(&client, "Lamp", 10).await.id;
    let shirt = add(&client, "Shirt", 5).await.id;
    let more = |size| SetVariant { stock_quantity: Some(5), ..sized(None, size) };
    let variants = vec![sized(Some(shirt.first_variant()), "S"), more("M"), more("%")];
    let variants = client.set_variants(&admin(), shirt, IfMatch::Absent, SetVariants { variants }).await.unwrap().variants;
    let sizes: Vec<VariantId> = variants.unwrap().iter().map(|variant| variant.id).collect();
    let rug = add(&client, "Rug", 1).await.id;
    let gone = add(&client, "Gone", 1).await.id;
    low_at(&client, gone.first_variant(), 5).await;
    client.delete(&admin(), gone, IfMatch::Absent).await.unwrap();
    low_at(&client, lamp.first_variant(), 3).await;
    low_at(&client, sizes[1], 3).await;
    hold(&client, 1, &[(shirt, Some(sizes[1]), 2)]).await.unwrap();

    let ids = async |query| listed(&client, query).await.iter().map(|entry| entry.variant_id.0).collect::<Vec<_>>();
    let base = ListStock::default;
    assert_eq!(ids(base()).await, [lamp.0, shirt.0, rug.0, sizes[1].0, sizes[2].0], "the lowest id first, and none that is gone");
    let medium = StockEntry {
        variant_id: sizes[1],
        product_id: shirt,
        name: "Shirt (M)".into(),
        sku: Some("SHIRT-M".into()),
        on_hand: 5,
        held: 2,
        available: 3,
        low_at: Some(3),
        is_low: true,
    };
    assert_eq!(listed(&client, ListStock { low: Some(true), ..base() }).await, [medium]);
    assert_eq!(ids(ListStock { low: Some(false), ..base() }).await, [lamp.0, shirt.0, rug.0, sizes[2].0]);
    assert_eq!(ids(ListStock { product_id: Some(shirt), ..base() }).await, [shirt.0, sizes[1].0, sizes[2].0]);
    assert_eq!(ids(ListStock { product_id: Some(shirt), low: Some(true), ..base() }).await, [sizes[1].0]);
    assert_eq!(ids(ListStock { sku: Some("shirt-".into()), ..base() }).await, [shirt.0, sizes[1].0, sizes[2].0]);
    assert_eq!(ids(ListStock { sku: Some("Shirt-%".into()), ..base() }).await, [sizes[2].0], "no character is an operator");
    assert_eq!(ids(ListStock { sku: Some("hirt".into()), ..base() }).await, [0; 0]);
    let second = client.list_stock(&admin(), ListStock { page: Some(2), per_page: Some(3), ..base() }).await.unwrap();
    assert_eq!((second.stock.len(), second.pagination.pages, second.pagination.total), (2, 2, 5));
    let foreign = client.list_stock(&admin(), ListStock { per_page: Some(2), ..base() }).await.unwrap().pagination.next_cursor;
    let foreign = ListStock { cursor: foreign.map(|cursor| cursor.parse().unwrap()), low: Some(true), ..base() };
    assert_eq!(client.list_stock(&admin(), foreign).await.unwrap_err().code(), Code::InvalidArgument);
    for cx in [anonymous(), customer(1)] {
        client.list_stock(&cx, base()).await.unwrap_err();
    }
}

async fn movements_are_listed_by_time(client: ProductClient, _: &Fixture) {
    let lamp = add(&client, "Lamp", 10).await.id;
    let id = lamp.first_variant();
    for pieces in 1..=5 {
        client.move_stock(&admin(), id, delta(pieces)).await.unwrap();
    }
    hold(&client, 1, &[(lamp, None, 1)]).await.unwrap();
    let base = ListMovements::default;
    let all = client.stock_movements(&admin(), base()).await.unwrap().movements;
    let times: Vec<_> = all.iter().map(|movement| movement.at).collect();
    let pieces = async |query: ListMovements| {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let query = ListMovements { cursor: cursor.take(), per_page: Some(2), ..query.clone() };
            let page = client.stock_movements(&admin(), query).await.unwrap();
            all.extend(page.movements.iter().map(|movement| movement.available_change));
            let Some(next) = page.pagination.next_cursor else {
                assert_eq!(page.pagination.total, all.len() as u64);
                return all;
            };
            cursor = Some(next.parse().unwrap());
        }
    };
    assert_eq!(all.iter().map(|movement| movement.available_change).collect::<Vec<_>>(), [-1, 5, 4, 3, 2, 1, 10]);
    // from inclusive, until exclusive
    assert_eq!(pieces(ListMovements { from: Some(times[6]), ..base() }).await, [-1, 5, 4, 3, 2, 1, 10]);
    assert_eq!(pieces(ListMovements { from: Some(times[4]), until: Some(times[1]), ..base() }).await, [4, 3, 2]);
    assert_eq!(pieces(ListMovements { until: Some(times[4]), ..base() }).await, [1, 10]);
    let received = Some(MovementKind::Received);
    assert_eq!(pieces(ListMovements { kind: received, until: Some(times[1]), ..base() }).await, [10]);
    assert_eq!(pieces(ListMovements { order_id: Some(OrderId(1)), from: Some(times[2]), ..base() }).await, [-1]);
    assert_eq!(pieces(ListMovements { variant_id: Some(id), from: Some(times[1]), ..base() }).await, [-1, 5]);
    for until in [times[1], times[2]] {
        let wrong = ListMovements { from: Some(times[1]), until: Some(until), ..base() };
        let error = client.stock_movements(&admin(), wrong).await.unwrap_err();
        assert_eq!(error.to_string(), "until must be after from");
    }
}
