//! The numbers of SQL statements of the main operations are those in `docs/sql-statements.md`.

use crate::harness::{Account, Answer, Shop, to_address};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MODULES: [&str; 5] = ["product", "user", "cart", "order", "payment"];

/// The number of statements for requests so far, of every module.
async fn statements(shop: &Shop) -> BTreeMap<String, u64> {
    let metrics = shop.ops(&shop.processes[0], "/metrics").await;
    let counts = metrics.text.lines().filter_map(|line| {
        let (labels, count) = line.strip_prefix("souk_sql_statements_total{")?.split_once("} ")?;
        let label = |name: &str| {
            let found = labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("{name}: {line}")).trim_matches('"').to_owned()
        };
        (label("work") == "request").then(|| (label("module"), count.parse().unwrap()))
    });
    counts.collect()
}

/// Measures the rows of the table.
struct Table<'a> {
    shop: &'a Shop,
    rows: Vec<(&'static str, [u64; MODULES.len()])>,
}

impl Table<'_> {
    /// Adds the statements of `request`.
    async fn measure(&mut self, what: &'static str, request: impl Future<Output = Answer>) -> Answer {
        let before = statements(self.shop).await;
        let answer = request.await;
        let after = statements(self.shop).await;
        let of = |counts: &BTreeMap<String, u64>, module| counts.get(module).copied().unwrap_or_default();
        self.rows.push((what, MODULES.map(|module| of(&after, module) - of(&before, module))));
        answer
    }

    fn cost(&self, what: &str) -> [u64; MODULES.len()] {
        self.rows.iter().find(|(operation, _)| *operation == what).unwrap().1
    }

    fn markdown(&self) -> Vec<String> {
        let cells = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let head = ["operation"].into_iter().chain(MODULES).chain(["all"]);
        let mut lines = vec![cells(head.map(String::from).collect()), format!("|---|{}", "---:|".repeat(MODULES.len() + 1))];
        for (what, counts) in &self.rows {
            let numbers = counts.iter().copied().chain([counts.iter().sum()]).map(|count| count.to_string());
            lines.push(cells(std::iter::once(String::from(*what)).chain(numbers).collect()));
        }
        lines
    }
}

async fn fill_cart(shop: &Shop, customer: &Account, products: &[i64]) {
    for id in products {
        let item = json!({"product_id": id, "quantity": 1});
        shop.call(customer, "POST", "/api/cart/items", Some(item)).await.expect(201);
    }
}

/// A request with an idempotency key, as clients should send.
async fn keyed(shop: &Shop, account: &Account, path: &str, key: &str, body: Value) -> Answer {
    shop.send(shop.request("POST", path).bearer_auth(&account.token).header("Idempotency-Key", key).json(&body)).await
}

#[tokio::test]
async fn the_main_operations_issue_as_many_statements_as_documented() {
    let shop = Shop::one_process(&[]).await;
    let admin = shop.admin().await;
    let mut products = Vec::new();
    for i in 0..20 {
        products.push(shop.product(&admin, &format!("Statement {i}"), 1.5, 100).await);
    }
    let name = |name: &str| {
        json!({
            "email": format!("{name}@example.com"), "password": "Saffron-7-Road", "first_name": name, "last_name": "Test"
        })
    };
    let address = to_address();
    let customer = shop.customer("counted").await;
    let mut table = Table { shop: &shop, rows: Vec::new() };

    table.measure("list products", shop.get("/api/products?page=2")).await.expect(200);
    let search = "/api/products?search=statement";
    assert_eq!(table.measure("search products", shop.get(search)).await.expect(200)["pagination"]["total"], 20);
    table.measure("get a product", shop.get(&format!("/api/products/{}", products[0]))).await.expect(200);
    for id in &products[..10] {
        let path = format!("/api/products/{id}/translations/de");
        shop.call(&admin, "PUT", &path, Some(json!({"name": "Anweisung"}))).await.expect(200);
    }
    let wanting = async |languages: &str| shop.send(shop.request("GET", search).header("Accept-Language", languages)).await;
    table.measure("search products in another language", wanting("de-AT, fr")).await.expect(200);
    for elsewhere in ["en-GB, de", "fr", "*/*;;q=x"] {
        // of what nothing is translated into, nothing is looked for
        table.measure("", wanting(elsewhere)).await.expect(200);
        assert_eq!(table.rows.pop().unwrap().1, table.cost("search products"), "{elsewhere}");
    }
    table.measure("register", shop.post("/api/auth/register", name("leyla"))).await.expect(201);
    let login = json!({"email": "leyla@example.com", "password": "Saffron-7-Road"});
    table.measure("log in", shop.post("/api/auth/login", login)).await.expect(200);

    fill_cart(&shop, &customer, &products[..1]).await;
    let item = json!({"product_id": products[0], "quantity": 1});
    table.measure("add to the cart", shop.call(&customer, "POST", "/api/cart/items", Some(item))).await.expect(201);
    table.measure("get the cart", shop.call(&customer, "GET", "/api/cart", None)).await.expect(200);
    let placing = keyed(&shop, &customer, "/api/orders", "one", address.clone());
    table.measure("place an order of 1 line", placing).await.expect(201);
    fill_cart(&shop, &customer, &products).await;
    let placing = keyed(&shop, &customer, "/api/orders", "twenty", address);
    let order = table.measure("place an order of 20 lines", placing).await.expect(201)["order"].clone();
    assert_eq!(order["items"].as_array().unwrap().len(), 20);
    let path = format!("/api/orders/{}", order["id"]);
    table.measure("get an order", shop.call(&customer, "GET", &path, None)).await.expect(200);
    let pay = json!({"order_id": order["id"], "payment_method": "sandbox_success"});
    table.measure("pay an order", keyed(&shop, &customer, "/api/payments/process", "pay", pay)).await.expect(200);
    let orders = table.measure("list orders", shop.call(&customer, "GET", "/api/orders", None)).await.expect(200);
    assert_eq!(orders["pagination"]["total"], 2);

    assert_eq!(table.cost("place an order of 1 line"), table.cost("place an order of 20 lines"));
    let documented = include_str!("../../docs/sql-statements.md").lines().filter(|line| line.starts_with('|'));
    let counted = table.markdown();
    assert!(documented.eq(counted.iter()), "docs/sql-statements.md should say:\n\n{}\n", counted.join("\n"));
}
