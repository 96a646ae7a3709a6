//! Buyers, each of whom does one thing after the other: into the cart, order, pay.

use crate::{
    client::{Client, Request},
    shop::PRODUCTS,
};
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

pub(crate) const ADDRESS: &str =
    r#"{"street_address":"12 Spice Lane","city":"Tripoli","state":"North","postal_code":"1300","country":"Lebanon"}"#;

#[derive(Deserialize)]
struct Placed {
    order: Order,
}

#[derive(Deserialize)]
struct Order {
    id: i64,
}

/// The result of a measurement.
#[derive(Clone, Copy)]
pub(crate) struct Orders {
    pub(crate) per_second: f64,
    /// Milliseconds in which half of the orders were placed, and paid, from the first request on.
    pub(crate) p50: f64,
}

/// A buyer with a token.
pub(crate) struct Buyer {
    client: Client,
    pub(crate) token: String,
    /// Identifies the buyer and the order, for keys.
    number: u64,
    order: u64,
}

impl Buyer {
    /// One buyer for each token. `round` must be different each time, so that no key is used twice.
    pub(crate) fn all(address: SocketAddr, tokens: &[String], round: u64) -> Vec<Self> {
        let buyer = |(token, number): (&String, u64)| Self {
            client: Client::new(address),
            token: token.clone(),
            number,
            order: round * 1_000_000_000,
        };
        tokens.iter().zip(0..).map(buyer).collect()
    }

    /// Buys a piece of some product.
    pub(crate) async fn buy(&mut self, pay: bool) -> anyhow::Result<()> {
        self.order += 1;
        let key = format!("order-{}-{}", self.number, self.order);
        // 7919 is a prime, so that all products come, in no order
        let product = 1 + (self.order + self.number * 313).wrapping_mul(7919) % PRODUCTS;
        let item = format!(r#"{{"product_id":{product},"quantity":1}}"#);
        self.post("/api/cart/items", "", &item).await?.expect(201).context("into the cart")?;
        let address = format!(r#"{{"shipping_address":{ADDRESS}}}"#);
        let placed: Placed = self.post("/api/orders", &key, &address).await?.json(201).context("order")?;
        if pay {
            let payment = format!(r#"{{"order_id":{},"payment_method":"sandbox_success"}}"#, placed.order.id);
            self.post("/api/payments/process", &key, &payment).await?.expect(200).context("pay")?;
        }
        Ok(())
    }

    async fn post(&mut self, path: &str, key: &str, json: &str) -> anyhow::Result<crate::client::Answer<'_>> {
        self.client.send(Request { method: "POST", path, token: &self.token, key, json }).await
    }
}

/// Lets them buy for this long. Any refusal is an error.
pub(crate) async fn buy(buyers: Vec<Buyer>, pay: bool, time: Duration) -> anyhow::Result<Orders> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut buyer in buyers {
        tasks.spawn(async move {
            let mut millis = Vec::new();
            while started.elapsed() < time {
                let begun = Instant::now();
                buyer.buy(pay).await?;
                millis.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(millis)
        });
    }
    let mut millis = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        millis.append(&mut finished??);
    }
    ensure!(!millis.is_empty(), "nothing was bought");
    millis.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let orders = millis.len() as f64;
    Ok(Orders { per_second: orders / started.elapsed().as_secs_f64(), p50: millis[millis.len() / 2] })
}
