//! The contract of the cart module, in three placements, with a real product module; on SQLite, and on Redis and PostgreSQL when
//! ignored tests are run. Tests of Redis alone are in `redis.rs`.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use cart::{AddItem, Cart, CartApi, CartClient, CartError, CartItem, CartVersion, Carts, ChangeItem, Config, Issue, Peers};
use deadpool_redis::redis;
use kernel::{
    ApiError, Code, Currency, Health, IfMatch, Transport, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::{Db, Durability, Pool},
    jobs::Jobs,
    module, now, placements,
    testing::{Flaky, Kind, Stores, admin, anonymous, customer, server, start},
};
use product::{
    NewProduct, OptionOf, ProductApi, ProductChange, ProductClient, ProductId, Products, SetStock, SetVariant, SetVariants,
    VariantId,
};
use sea_orm::{ConnectionTrait, Statement};
use std::{sync::Arc, time::Duration};

macro_rules! promises {
    ($($test:ident,)*) => {
        placements! { CartClient, carts: [$($test),*] }

        mod postgresql {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs servers: see docs/testing.md"]
                async fn $test() {
                    let stores = Stores::servers();
                    let (service, fixture) = carts_in(stores.database("cart").await, stores).await;
                    super::$test(CartClient::local(service), &fixture).await;
                }
            )*
        }
    };
}

promises! {
    an_empty_cart_is_shown,
    add_change_remove_clear,
    a_cart_never_exceeds_the_stock,
    missing_products_and_lines_are_not_found,
    adds_at_once_all_count,
    a_keyed_add_has_one_effect,
    a_key_used_at_once_has_one_effect,
    a_cart_has_at_most_100_lines,
    a_cart_that_would_be_too_dear_is_refused_before_it_is_stored,
    a_raised_price_makes_no_cart_unreadable,
    names_prices_and_stock_are_current,
    products_are_loaded_in_one_call,
    without_products_a_stale_cart_is_shown,
    a_stale_cart_has_the_name_that_was_shown_last,
    validation_lists_changes_since_the_cart_was_shown,
    an_ordered_cart_is_emptied_unless_it_was_changed,
    a_version_never_comes_back,
    a_line_removed_meanwhile_stays_removed,
    a_product_with_options_needs_a_variant,
    a_product_that_gets_options_keeps_its_line,
    an_expired_cart_is_empty,
    use_renews_the_expiry_of_a_cart,
    a_cart_is_its_users,
    bad_input_names_the_field,
}

struct Fixture {
    catalogue: Arc<Flaky<ProductClient>>,
    raw: RawStore,
    _stores: Stores,
}

async fn carts(stores: Stores) -> (Carts, Fixture) {
    let url = match stores.kind() {
        Kind::Embedded => stores.database("cart").await,
        Kind::Servers => server("SOUK_TEST_REDIS", "redis://127.0.0.1:6379"),
    };
    carts_in(url, stores).await
}

async fn carts_in(database_url: String, stores: Stores) -> (Carts, Fixture) {
    let config = product::Config { database_url: stores.database("product").await, ..Default::default() };
    let catalogue = Flaky::new(ProductClient::local(start::<Products>(&config, ()).await.service));
    let raw = RawStore::at(&database_url, stores.name()).await;
    let config = Config { database_url, key_prefix: stores.name().into(), sweep_seconds: 1, ..Config::default() };
    let peers = Peers { product: catalogue.client_of("cart") };
    let carts = start::<Carts>(&config, peers).await;
    carts.service.up().await;
    carts.store.check().await.unwrap();
    (carts.service, Fixture { catalogue, raw, _stores: stores })
}

/// Direct access to the store of the carts.
enum RawStore {
    Sql(Db),
    Redis { client: redis::Client, prefix: String },
}

impl RawStore {
    async fn at(url: &str, prefix: &str) -> Self {
        if url.starts_with("redis") {
            return Self::Redis { client: redis::Client::open(url).unwrap(), prefix: prefix.into() };
        }
        let pool = Pool { connections: 1, ..Pool::default() };
        Self::Sql(Db::open::<migrations::cart::Migrator>("cart", url, pool, Durability::Normal).await.unwrap())
    }

    /// Sets the expiry of all carts.
    async fn expire(&self, at: DateTime<Utc>) {
        match self {
            Self::Sql(db) => {
                let change = format!("UPDATE carts SET expires_at = '{}'", at.to_rfc3339());
                db.write().execute_unprepared(&change).await.unwrap();
            }
            Self::Redis { client, prefix } => {
                let mut redis = client.get_connection().unwrap();
                for key in keys(&mut redis, &format!("{prefix}:*")) {
                    redis::cmd("PEXPIREAT").arg(key).arg(at.timestamp_millis()).exec(&mut redis).unwrap();
                }
            }
        }
    }

    /// The numbers of carts and lines.
    async fn count(&self) -> (usize, usize) {
        match self {
            Self::Sql(db) => {
                let count = async |table: &str| {
                    let look = Statement::from_string(db.read().get_database_backend(), format!("SELECT user_id FROM {table}"));
                    db.read().query_all_raw(look).await.unwrap().len()
                };
                (count("carts").await, count("cart_items").await)
            }
            Self::Redis { client, prefix } => {
                let mut redis = client.get_connection().unwrap();
                let carts = keys(&mut redis, &format!("{prefix}:*"));
                let fields = carts.iter().flat_map(|key| redis::cmd("HKEYS").arg(key).query::<Vec<String>>(&mut redis).unwrap());
                let lines = fields.filter(|field| field.ends_with(":quantity")).count();
                (carts.len(), lines)
            }
        }
    }
}

impl Drop for RawStore {
    fn drop(&mut self) {
        if let Self::Redis { client, prefix } = self
            && let Ok(mut redis) = client.get_connection()
        {
            for key in keys(&mut redis, &format!("*{prefix}:*")) {
                redis::cmd("DEL").arg(key).exec(&mut redis).unwrap();
            }
        }
    }
}

fn keys(redis: &mut redis::Connection, pattern: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(pattern).query(redis).unwrap()
}

impl Fixture {
    async fn product(&self, name: &str, price: &str, stock: u32) -> ProductId {
        let new = NewProduct {
            name: name.into(),
            description: None,
            price: price.parse().unwrap(),
            currency: None,
            category_id: None,
            stock_quantity: stock.into(),
            ..NewProduct::default()
        };
        self.catalogue.module().create(&admin(), new).await.unwrap().id
    }

    async fn rename(&self, id: ProductId, name: &str, price: &str) {
        let change = ProductChange {
            name: name.into(),
            description: None,
            price: Some(price.parse().unwrap()),
            category_id: None,
            ..ProductChange::default()
        };
        self.catalogue.module().change(&admin(), id, IfMatch::Absent, change).await.unwrap();
    }

    /// Gives a product sizes, the first of which is what was sold before; 5 pieces of each other.
    async fn sizes(&self, id: ProductId, sizes: &[&str]) -> Vec<VariantId> {
        let variants = sizes.iter().enumerate().map(|(i, size)| SetVariant {
            id: (i == 0).then_some(id.first_variant()),
            options: vec![OptionOf { name: "Size".into(), value: (*size).into() }],
            stock_quantity: (i > 0).then_some(5),
            ..SetVariant::default()
        });
        let variants = SetVariants { variants: variants.collect() };
        let product = self.catalogue.module().set_variants(&admin(), id, IfMatch::Absent, variants).await.unwrap();
        product.variants.unwrap().iter().map(|variant| variant.id).collect()
    }

    async fn stock(&self, id: ProductId, quantity: u32) {
        self.catalogue.module().set_stock(&admin(), id, IfMatch::Any, SetStock { quantity: quantity.into() }).await.unwrap();
    }
}

const USER: UserId = UserId(7);

async fn get(client: &CartClient) -> Cart {
    client.get(&customer(7), USER).await.unwrap()
}

async fn add(client: &CartClient, product_id: ProductId, quantity: u32) -> Result<Cart, CartError> {
    client.add(&customer(7), USER, AddItem { product_id, variant_id: None, quantity: quantity.into() }).await
}

async fn change(client: &CartClient, id: ProductId, quantity: u32) -> Result<Cart, CartError> {
    client.change(&customer(7), USER, id.first_variant(), ChangeItem { quantity: quantity.into() }).await
}

async fn remove(client: &CartClient, id: ProductId) -> Result<Cart, CartError> {
    client.remove(&customer(7), USER, id.first_variant()).await
}

/// The lines of a cart: product, quantity, name, price, subtotal.
fn lines(cart: &Cart) -> Vec<(i64, u32, &str, String, String)> {
    fn line(i: &CartItem) -> (i64, u32, &str, String, String) {
        (i.product_id.0, i.quantity, &i.product_name, i.product_price.to_string(), i.subtotal.to_string())
    }
    cart.items.iter().map(line).collect()
}

fn totals(cart: &Cart) -> (String, u32) {
    (cart.total_amount.to_string(), cart.total_items)
}

async fn an_empty_cart_is_shown(client: CartClient, _: &Fixture) {
    let cart = get(&client).await;
    assert_eq!((lines(&cart), totals(&cart), cart.currency, cart.stale), (vec![], ("0".into(), 0), None, false));
    assert_eq!((cart.created_at, cart.updated_at, cart.expires_at), (None, None, None));
    let snapshot = client.called_by("order").snapshot(&anonymous(), USER).await.unwrap();
    assert_eq!((snapshot.lines, snapshot.version), (vec![], 0));
    let validation = client.validate(&customer(7), USER).await.unwrap();
    assert!(!validation.is_valid && validation.validation_issues.is_empty());
    assert_eq!(validation.cart, cart);
    assert_eq!(client.clear(&customer(7), USER).await.unwrap().message, "Cart cleared successfully");
    client.called_by("order").ordered(&anonymous(), USER, CartVersion { version: 0 }).await.unwrap();
}

async fn add_change_remove_clear(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "29.99", 10).await, fixture.product("Rug", "100", 10).await);
    let cart = add(&client, b, 1).await.unwrap();
    assert_eq!((cart.items[0].stock_available, cart.items[0].unavailable), (Some(10), false));
    let cart = add(&client, a, 2).await.unwrap();
    let rug = (b.0, 1, "Rug", "100".into(), "100".into());
    assert_eq!(lines(&cart), [rug.clone(), (a.0, 2, "Lamp", "29.99".into(), "59.98".into())]);
    assert_eq!((totals(&cart), cart.currency, cart.stale), (("159.98".into(), 3), Some(Currency::Eur), false));
    assert_eq!(get(&client).await, cart);

    let cart = add(&client, a, 3).await.unwrap();
    assert_eq!(cart.items[1].quantity, 5);
    let cart = change(&client, a, 4).await.unwrap();
    assert_eq!(lines(&cart), [rug, (a.0, 4, "Lamp", "29.99".into(), "119.96".into())]);
    assert!(cart.items[1].updated_at > cart.items[1].added_at && cart.updated_at > cart.created_at);
    assert_eq!(lines(&get(&client).await), lines(&cart));

    assert_eq!(totals(&remove_once(&client, b).await), ("119.96".into(), 4));
    assert_eq!(get(&client).await.items.len(), 1);
    add(&client, b, 1).await.unwrap();
    client.clear(&customer(7), USER).await.unwrap();
    assert!(get(&client).await.items.is_empty());
    assert_eq!(fixture.raw.count().await, (0, 0));

    add(&client, b, 1).await.unwrap();
    let cart = change(&client, b, 0).await.unwrap();
    assert_eq!((cart.items, cart.created_at, cart.currency), (vec![], None, None));
    assert_eq!(fixture.raw.count().await, (0, 0));
}

async fn remove_once(client: &CartClient, id: ProductId) -> Cart {
    let cart = remove(client, id).await.unwrap();
    assert_eq!(remove(client, id).await, Err(CartError::NotInCart));
    cart
}

async fn a_cart_never_exceeds_the_stock(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "1", 5).await;
    let insufficient = |requested, available| Err(CartError::InsufficientStock { requested, available });
    assert_eq!(add(&client, a, 6).await, insufficient(6, 5));
    assert_eq!(fixture.raw.count().await, (0, 0));
    add(&client, a, 3).await.unwrap();
    let refused = add(&client, a, 5).await;
    assert_eq!(refused.as_ref().unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(refused, insufficient(8, 5), "what is in the cart counts");
    assert_eq!(change(&client, a, 6).await, insufficient(6, 5));
    assert_eq!(get(&client).await.items[0].quantity, 3);
    assert_eq!(add(&client, a, 2).await.unwrap().items[0].quantity, 5);

    fixture.stock(a, 2).await;
    let cart = get(&client).await;
    assert_eq!((cart.items[0].quantity, cart.items[0].stock_available), (5, Some(2)));
    assert_eq!(change(&client, a, 2).await.unwrap().items[0].quantity, 2);
}

async fn missing_products_and_lines_are_not_found(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "1", 5).await, fixture.product("Rug", "1", 5).await);
    assert_eq!(add(&client, ProductId(99), 1).await, Err(CartError::ProductNotFound));
    for in_cart in [false, true] {
        for answer in [change(&client, b, 1).await, change(&client, b, 0).await, remove(&client, b).await] {
            assert_eq!(answer.as_ref().unwrap_err().code(), Code::NotFound);
            assert_eq!(answer, Err(CartError::NotInCart), "another line: {in_cart}");
        }
        add(&client, a, 1).await.unwrap();
    }
    fixture.catalogue.module().delete(&admin(), a, IfMatch::Absent).await.unwrap();
    assert_eq!(add(&client, a, 1).await, Err(CartError::ProductNotFound));
    assert_eq!(change(&client, a, 1).await, Err(CartError::ProductNotFound));
    assert_eq!(remove(&client, a).await.unwrap().items, []);
}

async fn adds_at_once_all_count(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "1", 40).await, fixture.product("Rug", "1", 100).await);
    let client = Arc::new(client);
    let adds = (0..100).map(|i| {
        let client = client.clone();
        tokio::spawn(async move { add(&client, if i % 2 == 0 { a } else { b }, 1).await })
    });
    let mut refused = 0;
    for add in adds.collect::<Vec<_>>() {
        match add.await.unwrap() {
            Ok(_) => {}
            Err(CartError::InsufficientStock { requested: 41, available: 40 }) => refused += 1,
            Err(e) => panic!("{e}"),
        }
    }
    let cart = get(&client).await;
    let mut quantities: Vec<_> = cart.items.iter().map(|i| (i.product_id, i.quantity)).collect();
    quantities.sort_unstable();
    assert_eq!((quantities, refused), (vec![(a, 40), (b, 50)], 10));
}

async fn a_keyed_add_has_one_effect(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "1", 10).await;
    let item = |quantity| AddItem { product_id: a, variant_id: None, quantity };
    let first = client.add(&customer(7).with_key("k1"), USER, item(2)).await.unwrap();
    add(&client, a, 1).await.unwrap();
    fixture.rename(a, "Oil lamp", "2").await;
    get(&client).await;
    fixture.catalogue.fail(Code::Unavailable);
    let again = customer(7).with_key("k1");
    assert_eq!(client.add(&again, USER, item(2)).await.unwrap(), first);
    assert!(again.is_replayed());
    fixture.catalogue.recover();
    assert_eq!(get(&client).await.items[0].quantity, 3);
    let other = client.add(&customer(7).with_key("k1"), USER, item(3)).await.unwrap_err();
    assert_eq!(other.code(), Code::Unprocessable);

    // what was refused may be tried again with the same key
    let refused = client.add(&customer(7).with_key("k2"), USER, item(8)).await;
    assert_eq!(refused, Err(CartError::InsufficientStock { requested: 11, available: 10 }));
    fixture.stock(a, 20).await;
    assert_eq!(client.add(&customer(7).with_key("k2"), USER, item(8)).await.unwrap().items[0].quantity, 11);
}

async fn a_key_used_at_once_has_one_effect(client: CartClient, fixture: &Fixture) {
    let (a, client) = (fixture.product("Lamp", "1", 40).await, Arc::new(client));
    add(&client, a, 1).await.unwrap();
    let adds = (0..30).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            client.add(&customer(7).with_key("k"), USER, AddItem { product_id: a, variant_id: None, quantity: 2 }).await
        })
    });
    let mut replies = Vec::new();
    for add in adds.collect::<Vec<_>>() {
        replies.push(add.await.unwrap().unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!((replies.len(), get(&client).await.items[0].quantity), (30, 3));
    // a key is its user's
    let item = AddItem { product_id: a, variant_id: None, quantity: 5 };
    assert_eq!(client.add(&customer(8).with_key("k"), UserId(8), item).await.unwrap().items[0].quantity, 5);
}

async fn a_cart_has_at_most_100_lines(client: CartClient, fixture: &Fixture) {
    let mut ids = Vec::new();
    for i in 0..101 {
        ids.push(fixture.product(&format!("No. {i}"), "1", 9).await);
    }
    for id in &ids[..99] {
        add(&client, *id, 1).await.unwrap();
    }
    let (client, id) = (Arc::new(client), ids[99]);
    let other = client.clone();
    fixture.catalogue.during_next_call(async move { drop(add(&other, id, 1).await.unwrap()) });
    assert_eq!(add(&client, ids[100], 1).await, Err(CartError::CartFull), "another one came first");
    assert_eq!(add(&client, ids[100], 1).await, Err(CartError::CartFull));
    assert_eq!(add(&client, ids[3], 1).await.unwrap().items[3].quantity, 2);
    let cart = get(&client).await;
    let shown: Vec<_> = cart.items.iter().map(|item| item.product_id).collect();
    assert_eq!((shown.as_slice(), totals(&cart)), (&ids[..100], ("101".into(), 101)));
    assert!(cart.items.iter().all(|item| !item.unavailable && item.stock_available == Some(9)));
}

async fn names_prices_and_stock_are_current(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "10", 5).await, fixture.product("Rug", "20", 5).await);
    add(&client, a, 2).await.unwrap();
    add(&client, b, 1).await.unwrap();
    fixture.rename(a, "Oil lamp", "12.5").await;
    fixture.stock(a, 1).await;
    fixture.catalogue.module().delete(&admin(), b, IfMatch::Absent).await.unwrap();

    let cart = get(&client).await;
    assert_eq!(
        lines(&cart),
        [(a.0, 2, "Oil lamp", "12.5".into(), "25".into()), (b.0, 1, "Product Unavailable", "0".into(), "0".into())]
    );
    assert_eq!((totals(&cart), cart.items[0].stock_available), (("25".into(), 2), Some(1)));
    assert_eq!((cart.items[0].unavailable, cart.items[1].unavailable), (false, true));

    // the shown names and prices are stored; a product that is gone keeps its last ones
    let snapshot = client.called_by("order").snapshot(&anonymous(), USER).await.unwrap();
    let shown: Vec<_> = snapshot.lines.iter().map(|l| (l.product_name.as_str(), l.unit_price.to_string(), l.currency)).collect();
    assert_eq!(shown, [("Oil lamp", "12.5".into(), Currency::Eur), ("Rug", "20".into(), Currency::Eur)]);
}

async fn products_are_loaded_in_one_call(client: CartClient, fixture: &Fixture) {
    let calls_of_get = async || {
        let before = fixture.catalogue.calls();
        get(&client).await;
        fixture.catalogue.calls() - before
    };
    assert_eq!(calls_of_get().await, 0, "an empty cart has no products");
    let mut calls = Vec::new();
    for i in 0..12 {
        let id = fixture.product(&format!("No. {i}"), "1", 9).await;
        add(&client, id, 1).await.unwrap();
        calls.push(calls_of_get().await);
    }
    assert!(calls.iter().all(|n| *n == calls[0]), "{calls:?}");
    assert_eq!(get(&client).await.items.len(), 12);
}

async fn without_products_a_stale_cart_is_shown(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "10", 5).await, fixture.product("Rug", "20", 5).await);
    add(&client, a, 2).await.unwrap();
    add(&client, b, 1).await.unwrap();
    fixture.rename(a, "Oil lamp", "12.5").await;
    for code in [Code::Unavailable, Code::DeadlineExceeded] {
        fixture.catalogue.fail(code);
        let cart = get(&client).await;
        assert_eq!(lines(&cart), [(a.0, 2, "Lamp", "10".into(), "20".into()), (b.0, 1, "Rug", "20".into(), "20".into())]);
        assert_eq!((totals(&cart), cart.stale, cart.currency), (("40".into(), 3), true, Some(Currency::Eur)));
        assert!(cart.items.iter().all(|item| item.stock_available.is_none() && !item.unavailable));
        for fault in [
            add(&client, a, 1).await.unwrap_err(),
            change(&client, a, 1).await.unwrap_err(),
            client.validate(&customer(7), USER).await.unwrap_err(),
        ] {
            assert_eq!(fault.code(), code, "the stock is not known");
        }
    }
    // what needs no stock works
    let cart = remove(&client, b).await.unwrap();
    assert_eq!((lines(&cart).len(), cart.stale), (1, true));
    assert_eq!(client.called_by("order").snapshot(&anonymous(), USER).await.unwrap().lines[0].quantity, 2);
    fixture.catalogue.fail(Code::Internal);
    assert_eq!(client.get(&customer(7), USER).await.unwrap_err().code(), Code::Internal);
    fixture.catalogue.recover();
    let cart = get(&client).await;
    assert_eq!((lines(&cart)[0].2, cart.stale), ("Oil lamp", false));
    fixture.catalogue.fail(Code::Unavailable);
    assert_eq!(change(&client, a, 0).await.unwrap().items, []);
    client.clear(&customer(7), USER).await.unwrap();
}

async fn a_stale_cart_has_the_name_that_was_shown_last(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "10", 5).await;
    add(&client, a, 1).await.unwrap();
    // at the same price
    fixture.rename(a, "Oil lamp", "10").await;
    assert_eq!(lines(&get(&client).await)[0].2, "Oil lamp");
    fixture.catalogue.fail(Code::Unavailable);
    assert_eq!(lines(&get(&client).await)[0].2, "Oil lamp");
}

async fn validation_lists_changes_since_the_cart_was_shown(client: CartClient, fixture: &Fixture) {
    let (a, b, c) =
        (fixture.product("Lamp", "10", 5).await, fixture.product("Rug", "20", 5).await, fixture.product("Pot", "5", 5).await);
    for (id, quantity) in [(a, 3), (b, 1), (c, 1)] {
        add(&client, id, quantity).await.unwrap();
    }
    let validate = async || client.validate(&customer(7), USER).await.unwrap();
    let valid = validate().await;
    assert!(valid.is_valid && valid.validation_issues.is_empty());
    assert_eq!(valid.cart, get(&client).await);

    fixture.stock(a, 1).await;
    fixture.rename(a, "Lamp", "12.5").await;
    fixture.catalogue.module().delete(&admin(), b, IfMatch::Absent).await.unwrap();
    let issue = |product_id, issue: &str| Issue { product_id, variant_id: None, issue: issue.into() };
    let invalid = validate().await;
    let few = issue(a, "Only 1 items available, requested 3");
    let gone = issue(b, "Product no longer available");
    assert_eq!(invalid.validation_issues, [few.clone(), issue(a, "Price changed from 10 to 12.5"), gone.clone()]);
    assert!(!invalid.is_valid);
    assert_eq!(totals(&invalid.cart), ("42.5".into(), 4));
    assert_eq!(validate().await.validation_issues, [few, gone], "the new price was shown");

    change(&client, a, 1).await.unwrap();
    remove(&client, b).await.unwrap();
    assert!(validate().await.is_valid);
}

async fn an_ordered_cart_is_emptied_unless_it_was_changed(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "10", 5).await, fixture.product("Rug", "20", 5).await);
    let order = client.called_by("order");
    let snapshot = async || order.snapshot(&anonymous(), USER).await.unwrap();
    let ordered = async |version| order.ordered(&anonymous(), USER, CartVersion { version }).await.unwrap();
    add(&client, b, 1).await.unwrap();
    add(&client, a, 2).await.unwrap();
    let first = snapshot().await;
    let lines: Vec<_> = first.lines.iter().map(|l| (l.product_id, l.quantity, l.unit_price.to_string())).collect();
    assert_eq!(lines, [(a, 2, "10".into()), (b, 1, "20".into())]);

    change(&client, a, 3).await.unwrap();
    let second = snapshot().await;
    assert!(second.version > first.version);
    ordered(first.version).await;
    assert_eq!(get(&client).await.items.len(), 2);
    // looking is no change
    fixture.rename(a, "Lamp", "11").await;
    get(&client).await;
    assert_eq!(snapshot().await.version, second.version);

    ordered(second.version).await;
    ordered(second.version).await;
    assert!(get(&client).await.items.is_empty());
    assert_eq!(fixture.raw.count().await, (0, 0));

    for cx in [anonymous(), customer(7), admin()] {
        let refused = [
            client.snapshot(&cx, USER).await.unwrap_err().code(),
            client.called_by("gateway").snapshot(&cx, USER).await.unwrap_err().code(),
            client.called_by("gateway").ordered(&cx, USER, CartVersion { version: 1 }).await.unwrap_err().code(),
        ];
        assert_eq!(refused, [Code::PermissionDenied; 3]);
    }
}

async fn a_version_never_comes_back(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "10", 50).await;
    let order = client.called_by("order");
    let mut last = 0;
    for round in 0..4 {
        for _ in 0..3 {
            add(&client, a, 1).await.unwrap();
            let version = order.snapshot(&anonymous(), USER).await.unwrap().version;
            assert!(version > last, "round {round}");
            last = version;
        }
        match round {
            0 => drop(client.clear(&customer(7), USER).await.unwrap()),
            1 => drop(remove(&client, a).await.unwrap()),
            2 => fixture.raw.expire(now()).await,
            _ => order.ordered(&anonymous(), USER, CartVersion { version: last }).await.unwrap(),
        }
        assert!(get(&client).await.items.is_empty());
    }
}

async fn a_line_removed_meanwhile_stays_removed(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "10", 5).await, fixture.product("Rug", "20", 5).await);
    let client = Arc::new(client);
    for id in [a, b] {
        add(&client, id, 1).await.unwrap();
        fixture.rename(id, "Other", "30").await;
    }
    let remove_lamp = client.clone();
    fixture
        .catalogue
        .during_next_call(async move { drop(remove_lamp.remove(&customer(7), USER, a.first_variant()).await.unwrap()) });
    assert_eq!(get(&client).await.items.len(), 2, "as it was when it was asked for");
    assert_eq!(fixture.raw.count().await, (1, 1));
    assert_eq!(lines(&get(&client).await), [(b.0, 1, "Other", "30".into(), "30".into())]);

    fixture.rename(b, "Another", "40").await;
    let clear = client.clone();
    fixture.catalogue.during_next_call(async move { drop(clear.clear(&customer(7), USER).await.unwrap()) });
    assert_eq!(change(&client, b, 2).await, Err(CartError::NotInCart));
    assert_eq!(fixture.raw.count().await, (0, 0));
    add(&client, b, 1).await.unwrap();
    fixture.rename(b, "Rug", "50").await;
    let clear = client.clone();
    fixture.catalogue.during_next_call(async move { drop(clear.clear(&customer(7), USER).await.unwrap()) });
    get(&client).await;
    assert_eq!(fixture.raw.count().await, (0, 0));
}

async fn an_expired_cart_is_empty(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "10", 5).await, fixture.product("Rug", "20", 5).await);
    add(&client, a, 2).await.unwrap();
    fixture.raw.expire(now()).await;
    assert_eq!(change(&client, a, 1).await, Err(CartError::NotInCart));
    assert_eq!(remove(&client, a).await, Err(CartError::NotInCart));
    assert!(get(&client).await.items.is_empty());
    assert_eq!(client.called_by("order").snapshot(&anonymous(), USER).await.unwrap().version, 0);
    // nothing of the old cart is in the new one
    let cart = add(&client, b, 1).await.unwrap();
    assert_eq!(lines(&cart), [(b.0, 1, "Rug", "20".into(), "20".into())]);
    assert!(cart.expires_at.unwrap() > now() + TimeDelta::hours(23));

    fixture.raw.expire(now()).await;
    let swept = async {
        while fixture.raw.count().await != (0, 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), swept).await.unwrap();
}

async fn use_renews_the_expiry_of_a_cart(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "10", 9).await;
    let first = add(&client, a, 2).await.unwrap();
    let whole = first.expires_at.unwrap();
    // by the clock of the database, which is known to some moments
    assert!(whole <= now() + TimeDelta::hours(24) + TimeDelta::seconds(10) && whole > now() + TimeDelta::hours(23));
    assert_eq!(get(&client).await.expires_at, Some(whole), "renewed a moment ago");

    let soon = now() + TimeDelta::minutes(30);
    fixture.raw.expire(soon).await;
    let renewed = get(&client).await;
    assert!(renewed.expires_at.unwrap() >= whole);
    assert_eq!((renewed.updated_at, get(&client).await.expires_at), (first.updated_at, renewed.expires_at));
    for use_it in 0..3 {
        fixture.raw.expire(soon).await;
        match use_it {
            0 => drop(add(&client, a, 1).await.unwrap()),
            1 => drop(change(&client, a, 1).await.unwrap()),
            _ => drop(client.validate(&customer(7), USER).await.unwrap()),
        }
        assert!(get(&client).await.expires_at.unwrap() >= whole);
    }
}

async fn a_cart_that_would_be_too_dear_is_refused_before_it_is_stored(client: CartClient, fixture: &Fixture) {
    let dear = fixture.product("Palace", "99999999.99", 1_000_000).await;
    let cheap = fixture.product("Lamp", "0.01", 9).await;
    let too_dear = Err(CartError::TooDear { most: "9999999999999.99".parse().unwrap(), currency: Currency::Eur });
    // by one line
    assert_eq!(add(&client, dear, 100_001).await, too_dear);
    assert_eq!(fixture.raw.count().await.0, 0);
    // 99,999,999.99 * 100,000 is 9,999,999,999,000: there is room for less than one more
    assert_eq!(totals(&add(&client, dear, 100_000).await.unwrap()), ("9999999999000".into(), 100_000));
    let before = get(&client).await;
    assert_eq!(change(&client, dear, 1_000_000).await, too_dear);
    assert_eq!(add(&client, dear, 1).await, too_dear);
    let keyed = client.add(&customer(7).with_key("k"), USER, AddItem { product_id: dear, variant_id: None, quantity: 1 }).await;
    assert_eq!(keyed, too_dear);
    assert_eq!(get(&client).await, before, "nothing was kept");
    // by all lines together
    add(&client, cheap, 1).await.unwrap();
    let other = fixture.product("Castle", "1000", 9).await;
    assert_eq!(add(&client, other, 1).await, too_dear);
    // what is no longer sold costs nothing
    fixture.catalogue.module().delete(&admin(), dear, IfMatch::Absent).await.unwrap();
    assert_eq!(totals(&add(&client, other, 1).await.unwrap()), ("1000.01".into(), 2));
}

async fn a_raised_price_makes_no_cart_unreadable(client: CartClient, fixture: &Fixture) {
    let (a, b) = (fixture.product("Lamp", "1", 1_000_000).await, fixture.product("Rug", "2", 9).await);
    add(&client, a, 1_000_000).await.unwrap();
    add(&client, b, 1).await.unwrap();
    fixture.rename(a, "Lamp", "99999999.99").await;
    let validation = client.validate(&customer(7), USER).await.unwrap();
    let issues: Vec<_> = validation.validation_issues.iter().map(|issue| (issue.product_id, issue.issue.as_str())).collect();
    let expected =
        [(a, "Makes the cart cost more than can be paid; take fewer pieces"), (a, "Price changed from 1 to 99999999.99")];
    assert_eq!((validation.is_valid, &issues[..]), (false, &expected[..]));
    for cart in [validation.cart, get(&client).await] {
        assert_eq!(totals(&cart), ("2".into(), 1));
        assert_eq!(lines(&cart)[0], (a.0, 1_000_000, "Lamp", "99999999.99".into(), "0".into()));
        assert_eq!(cart.items.iter().map(|item| item.too_dear).collect::<Vec<_>>(), [true, false]);
    }
    // there is a way out: fewer pieces, even if they are still too many, or none
    assert!(change(&client, a, 200_000).await.unwrap().items[0].too_dear);
    assert!(!change(&client, a, 3).await.unwrap().items[0].too_dear);
    assert_eq!(totals(&remove(&client, a).await.unwrap()), ("2".into(), 1));
}

async fn a_cart_is_its_users(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "10", 9).await;
    add(&client, a, 2).await.unwrap();
    let other = customer(8);
    let item = || AddItem { product_id: a, variant_id: None, quantity: 1 };
    for cx in [other.clone(), admin()] {
        let refused = [
            client.get(&cx, USER).await.unwrap_err().code(),
            client.add(&cx, USER, item()).await.unwrap_err().code(),
            client.change(&cx, USER, a.first_variant(), ChangeItem { quantity: 1 }).await.unwrap_err().code(),
            client.remove(&cx, USER, a.first_variant()).await.unwrap_err().code(),
            client.clear(&cx, USER).await.unwrap_err().code(),
            client.validate(&cx, USER).await.unwrap_err().code(),
        ];
        assert_eq!(refused, [Code::PermissionDenied; 6]);
    }
    assert_eq!(client.get(&anonymous(), USER).await.unwrap_err().code(), Code::Unauthenticated);

    client.add(&other, UserId(8), item()).await.unwrap();
    client.clear(&other, UserId(8)).await.unwrap();
    assert_eq!(get(&client).await.items[0].quantity, 2);
    assert!(client.get(&other, UserId(8)).await.unwrap().items.is_empty());
}

async fn bad_input_names_the_field(client: CartClient, fixture: &Fixture) {
    let a = fixture.product("Lamp", "10", 9).await;
    for (answer, pointer, text) in [
        (add(&client, a, 0).await, "/quantity", "Quantity must be positive"),
        (add(&client, a, 1_000_001).await, "/quantity", "quantity must be at most 1000000"),
        (add(&client, ProductId(0), 1).await, "/product_id", ""),
        (
            client.add(&customer(7), USER, AddItem { product_id: a, variant_id: None, quantity: -1 }).await,
            "/quantity",
            "Quantity must be positive",
        ),
        (
            client.change(&customer(7), USER, a.first_variant(), ChangeItem { quantity: -1 }).await,
            "/quantity",
            "Quantity cannot be negative",
        ),
        (change(&client, a, 1_000_001).await, "/quantity", "quantity must be at most 1000000"),
    ] {
        match answer.unwrap_err() {
            CartError::Fault(fault) => {
                assert_eq!((fault.code(), fault.errors()[0].pointer.as_str()), (Code::InvalidArgument, pointer));
                assert!(text.is_empty() || fault.to_string() == text, "{fault}");
            }
            e => panic!("{e}"),
        }
    }
    assert_eq!(fixture.raw.count().await, (0, 0));
}

#[tokio::test]
async fn an_expiry_out_of_range_prevents_the_start() {
    for expiry_hours in [0, 8761] {
        let stores = Stores::embedded();
        let config = Config { database_url: stores.database("cart").await, expiry_hours, ..Config::default() };
        let nobody = ProductClient::remote(Transport::http(vec![], kernel::InternalKey::random()));
        assert!(module::start::<Carts>(&config, Peers { product: nobody }, false, &Jobs::default()).await.is_err());
    }
}

async fn a_product_with_options_needs_a_variant(client: CartClient, fixture: &Fixture) {
    let (shirt, lamp) = (fixture.product("Linen shirt", "20", 5).await, fixture.product("Lamp", "1", 5).await);
    let sizes = fixture.sizes(shirt, &["S", "M"]).await;
    let of = async |product_id, variant_id, quantity: i64| {
        client.add(&customer(7), USER, AddItem { product_id, variant_id: Some(variant_id), quantity }).await
    };
    assert_eq!(add(&client, shirt, 1).await, Err(CartError::VariantRequired));
    assert_eq!(of(lamp, sizes[1], 1).await, Err(CartError::ProductNotFound), "of another product");
    assert_eq!(of(shirt, VariantId(99), 1).await, Err(CartError::ProductNotFound));
    let short = CartError::InsufficientStock { requested: 6, available: 5 };
    assert_eq!(of(shirt, sizes[1], 6).await, Err(short.clone()), "others have more");

    of(shirt, sizes[1], 2).await.unwrap();
    of(shirt, sizes[0], 1).await.unwrap();
    of(lamp, lamp.first_variant(), 1).await.unwrap();
    let cart = of(shirt, sizes[1], 1).await.unwrap();
    let seen = |cart: &Cart| {
        let line = |i: &CartItem| (i.product_id, i.variant_id, i.quantity, i.product_name.clone(), i.stock_available);
        cart.items.iter().map(line).collect::<Vec<_>>()
    };
    let expected = [
        (shirt, Some(sizes[1]), 3, "Linen shirt (M)".to_owned(), Some(5)),
        (shirt, Some(sizes[0]), 1, "Linen shirt (S)".to_owned(), Some(5)),
        (lamp, None, 1, "Lamp".to_owned(), Some(5)),
    ];
    assert_eq!(seen(&cart), expected);
    assert_eq!(totals(&cart), ("81".into(), 5));
    assert_eq!(get(&client).await, cart);

    // a line is named by its variant
    let set = async |id, quantity| client.change(&customer(7), USER, id, ChangeItem { quantity }).await;
    assert_eq!(set(sizes[1], 6).await, Err(short));
    assert_eq!(seen(&set(sizes[1], 4).await.unwrap())[0].2, 4);
    client.remove(&customer(7), USER, sizes[0]).await.unwrap();
    let snapshot = client.called_by("order").snapshot(&anonymous(), USER).await.unwrap();
    let lines: Vec<_> =
        snapshot.lines.iter().map(|l| (l.product_id, l.variant_id, l.quantity, l.product_name.as_str())).collect();
    assert_eq!(lines, [(shirt, Some(sizes[1]), 4, "Linen shirt (M)"), (lamp, None, 1, "Lamp")]);

    // without the product module its lines still name the product
    fixture.catalogue.fail(Code::Unavailable);
    let stale = get(&client).await;
    fixture.catalogue.recover();
    assert!(stale.stale);
    assert_eq!((stale.items[0].product_id, stale.items[0].variant_id), (shirt, Some(sizes[1])));
    assert_eq!(stale.items[0].product_name, "Linen shirt (M)");

    // a variant that is gone, and the first one with it
    let left = SetVariant {
        id: Some(sizes[1]),
        options: vec![OptionOf { name: "Size".into(), value: "M".into() }],
        ..Default::default()
    };
    fixture
        .catalogue
        .module()
        .set_variants(&admin(), shirt, IfMatch::Absent, SetVariants { variants: vec![left] })
        .await
        .unwrap();
    assert_eq!(add(&client, shirt, 1).await, Err(CartError::VariantRequired), "whatever is left");
    assert_eq!(of(shirt, sizes[0], 1).await, Err(CartError::ProductNotFound));
}

async fn a_product_that_gets_options_keeps_its_line(client: CartClient, fixture: &Fixture) {
    let shirt = fixture.product("Linen shirt", "20", 5).await;
    let before = add(&client, shirt, 2).await.unwrap();
    assert_eq!(before.items[0].variant_id, None);
    let sizes = fixture.sizes(shirt, &["S", "M"]).await;
    let cart = get(&client).await;
    let line = &cart.items[0];
    assert_eq!((line.product_id, line.variant_id, line.product_name.as_str()), (shirt, Some(sizes[0]), "Linen shirt (S)"));
    // and without them again
    fixture.sizes(shirt, &["S"]).await;
    let plain = SetVariant { id: Some(sizes[0]), ..SetVariant::default() };
    fixture
        .catalogue
        .module()
        .set_variants(&admin(), shirt, IfMatch::Absent, SetVariants { variants: vec![plain] })
        .await
        .unwrap();
    assert_eq!((get(&client).await.items[0].variant_id, lines(&get(&client).await)[0].2), (None, "Linen shirt"));
}
