//! 200 buyers, 50 pieces.

use crate::harness::{Account, Answer, Shop, both_deployments, to_address};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Barrier;

both_deployments![two_hundred_buyers_for_fifty_pieces];

async fn two_hundred_buyers_for_fifty_pieces(shop: Shop) {
    const BUYERS: usize = 200;
    const PIECES: u32 = 50;
    let shop = Arc::new(shop);
    let admin = shop.admin().await;
    let lamp = shop.product(&admin, "The last lamps", 29.99, PIECES).await;

    let mut buyers = Vec::new();
    for i in 0..BUYERS {
        let me = shop.customer(&format!("buyer{i}")).await;
        shop.call(&me, "POST", "/api/cart/items", Some(json!({"product_id": lamp, "quantity": 1}))).await.expect(201);
        buyers.push(me);
    }
    // all buyers start at the same time
    let barrier = Arc::new(Barrier::new(BUYERS));
    let buyers = buyers.into_iter().map(|me| {
        let (shop, barrier) = (shop.clone(), barrier.clone());
        tokio::spawn(async move {
            barrier.wait().await;
            (order(&shop, &me).await, me)
        })
    });
    let (mut sold, mut refused) = (Vec::new(), 0);
    for buyer in buyers.collect::<Vec<_>>() {
        let (answer, me) = buyer.await.unwrap();
        match answer.status {
            201 => sold.push((me, answer.json()["order"]["id"].clone())),
            _ => {
                assert_eq!(answer.problem(409), "order.out_of_stock");
                assert_eq!(answer.json()["details"]["lines"][0], json!({"product_id": lamp, "requested": 1, "available": 0}));
                assert!(answer.json()["error"].as_str().unwrap().contains("0 of product"), "{}", answer.text);
                refused += 1;
            }
        }
    }
    assert_eq!((sold.len(), refused), (PIECES as usize, BUYERS - PIECES as usize));
    let stock = async || shop.get(&format!("/api/products/{lamp}")).await.expect(200)["stock_quantity"].clone();
    assert_eq!(stock().await, 0);
    let orders = shop.call(&admin, "GET", "/api/admin/orders?status=pending", None).await.expect(200);
    assert_eq!(orders["pagination"]["total"], PIECES);

    // released pieces can be bought, once
    let (first, id) = &sold[0];
    shop.call(first, "POST", &format!("/api/orders/{id}/cancel"), Some(json!({}))).await.expect(200);
    assert_eq!(stock().await, 1);
}

async fn order(shop: &Shop, me: &Account) -> Answer {
    shop.call(me, "POST", "/api/orders", Some(to_address())).await
}
