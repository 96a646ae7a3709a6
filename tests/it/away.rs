//! A server is away at the start of the shop: the shop starts, names the server, serves what it can, and recovers by itself.

use crate::harness::{Shop, until};
use kernel::testing::{Stores, rabbitmq, server};
use serde_json::json;
use std::net::TcpListener as StdListener;
use tokio::net::{TcpListener, TcpStream};

/// The server that is away at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Away {
    Postgres,
    Redis,
    Rabbitmq,
    Mongo,
}

macro_rules! away_at_start {
    ($($test:ident = $away:ident),*) => {
        mod one_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::is_away_at_start(super::Away::$away, false).await;
            })*
        }
        mod split {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::is_away_at_start(super::Away::$away, true).await;
            })*
        }
    };
}
away_at_start![postgres = Postgres, redis = Redis, rabbitmq = Rabbitmq, mongodb = Mongo];

impl Away {
    /// The variable with its address, and the address without a path.
    fn server(self) -> (&'static str, String) {
        match self {
            Away::Postgres => ("POSTGRES_ORDERS_URL", server("SOUK_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")),
            Away::Redis => ("REDIS_URL", server("SOUK_TEST_REDIS", "redis://127.0.0.1:6379")),
            Away::Rabbitmq => ("RABBITMQ_URL", rabbitmq()),
            Away::Mongo => ("MONGODB_URL", server("SOUK_TEST_MONGO", "mongodb://127.0.0.1:27017")),
        }
    }

    /// The module that needs it, and the name of the failed check; none if every process is ready without it.
    fn missing(self, is_split: bool) -> Option<(&'static str, &'static str)> {
        match self {
            Away::Postgres => Some(("order", "order.database")),
            Away::Redis => Some(("cart", "cart.redis")),
            // one process can sell without notifications
            Away::Mongo if is_split => Some(("notification", "notification.mongodb")),
            Away::Mongo | Away::Rabbitmq => None,
        }
    }
}

async fn is_away_at_start(away: Away, is_split: bool) {
    let stores = Stores::servers();
    let port = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (variable, address) = away.server();
    let there = address.rsplit(['@', '/']).next().unwrap().to_owned();
    let mut url = address.replace(&there, &format!("127.0.0.1:{port}"));
    match away {
        Away::Postgres => url += &format!("/{}_order", stores.name()),
        Away::Mongo => url += &format!("/{}?serverSelectionTimeoutMS=1000", stores.name()),
        Away::Redis | Away::Rabbitmq => {}
    }
    let shop = Shop::begin(stores, is_split, &[(variable, &url)]).await;

    for process in &shop.processes {
        assert_eq!(shop.ops(process, "/livez").await.expect(200)["status"], "alive", "{}", process.name);
        let health = shop.send(shop.client.get(format!("{}/livez", process.address))).await;
        health.expect(200);
    }
    let missing = away.missing(is_split);
    match missing {
        Some((module, name)) => {
            // at first the check says that the store is starting, then what is wrong
            until(async || {
                let report = shop.ops_of(module, "/readyz").await;
                report.status == 503 && !["ok", "starting"].contains(&report.json()["checks"][name].as_str().unwrap())
            })
            .await;
        }
        None => {
            for process in &shop.processes {
                until(async || shop.ops(process, "/readyz").await.status == 200).await;
            }
        }
    }

    // operations that do not need it work
    until(async || shop.get("/api/products").await.status == 200).await;
    until(async || {
        shop.post("/api/auth/login", json!({"email": "admin@souk.test", "password": "Admin-Souk-1"})).await.status == 200
    })
    .await;
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 5).await;
    let add = json!({"product_id": lamp, "quantity": 2});
    let refused = match away {
        Away::Postgres => Some(shop.call(&me, "GET", "/api/orders", None).await),
        Away::Redis => Some(shop.call(&me, "GET", "/api/cart", None).await),
        Away::Mongo => Some(shop.call(&me, "GET", "/api/notifications", None).await),
        Away::Rabbitmq => None,
    };
    if let Some(refused) = refused {
        assert_eq!(refused.problem(503), "unavailable");
    }

    // the server comes, and nobody restarts a process
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let there = there.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(there).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    let shop = shop.ready().await;
    until(async || shop.call(&me, "POST", "/api/cart/items", Some(add.clone())).await.status == 201).await;
    let address =
        json!({"street_address": "1 Rd", "city": "Tripoli", "state": "North", "postal_code": "1300", "country": "Lebanon"});
    let order = shop.call(&me, "POST", "/api/orders", Some(json!({"shipping_address": address}))).await.expect(201);
    let pay = json!({"order_id": order["order"]["id"], "payment_method": "sandbox_success"});
    shop.call(&me, "POST", "/api/payments/process", Some(pay)).await.expect(200);
    // the user is notified of the account, the order and the payment
    until(async || {
        let list = shop.call(&me, "GET", "/api/notifications", None).await;
        list.status == 200 && list.json()["pagination"]["total"].as_i64() >= Some(3)
    })
    .await;
}
