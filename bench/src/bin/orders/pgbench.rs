//! The limit: `pgbench` issues the statements of an order, and nothing else. Also compares them with the statements that the shop
//! issues.

use crate::{buyers::Orders, recorder::Passed, shop::Stores};
use anyhow::{Context, ensure};
use std::{
    collections::BTreeMap,
    env,
    process::{Child, Command, Stdio},
    time::Duration,
};

const SCRIPT: &str = include_str!("order.pgbench");
const SCRIPT_NAME: &str = "order.pgbench";

/// The text variables of the script.
const VALUES: &[(&str, &str)] = &[
    ("now", "2026-11-24 12:00:00.123456+00"),
    ("later", "2036-11-24 12:30:00.123456+00"),
    ("hash", "9b2c1d0e4f5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"),
    ("address", crate::buyers::ADDRESS),
    ("name", "Copper coffee pot, hand-hammered"),
    ("note", "Order placed"),
    ("currency", "EUR"),
    ("scope", "order.place user 17"),
    ("pay_scope", "order.pay user 17"),
    ("placing", "placing"),
    ("pending", "pending"),
    ("charging", "charging"),
    ("paid", "paid"),
    ("held", "held"),
    ("listener", "notification"),
    ("committed", "committed"),
    ("clear_cart", "clear_cart"),
    ("commit_stock", "commit_stock"),
    ("provider", "sandbox"),
    ("method", "sandbox_success"),
    ("processing", "processing"),
    ("requires_action", "requires_action"),
    ("succeeded", "succeeded"),
    ("refunded", "refunded"),
];

/// Starts it with as many clients as the shop has, on `database`, a copy of the shop's.
pub(crate) fn start(stores: &Stores, database: &str, clients: usize, pay: bool, time: Duration) -> anyhow::Result<Child> {
    let schemas = crate::shop::SCHEMAS.map(|(_, schema)| schema).join("%2C");
    let url = format!("{}&options=-csearch_path%3D{schemas}", stores.url(database));
    let script = stores.file(SCRIPT_NAME, SCRIPT)?;
    let mut command = Command::new(env::var_os("PGBENCH").unwrap_or_else(|| "/usr/lib/postgresql/15/bin/pgbench".into()));
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]).arg(format!("--client={clients}"));
    command.arg(format!("--time={}", time.as_secs())).arg("--file").arg(script);
    let flags = [("pay", pay), ("carts", !stores.on.redis)].map(|(name, on)| format!("--define={name}={}", i32::from(on)));
    command.args(flags).args(VALUES.iter().map(|(name, value)| format!("--define={name}={value}")));
    for (name, json) in [("event", event()), ("reply", reply())] {
        command.arg(format!("--define={name}={json}"));
    }
    command.arg(url).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| format!("{command:?}"))
}

/// As long as a real one.
fn event() -> String {
    let order = r#""data":{"order_id":4711,"number":"SOUK-00004711","user_id":17,"items":[{"product_id":17,"name":"Copper coffee pot, hand-hammered","unit_price":12.5,"quantity":1,"subtotal":12.5}],"total":12.5,"currency":"EUR"}"#;
    format!(
        r#"{{"specversion":"1.0","id":"019e0000-0000-7000-8000-000000000000","source":"souk/order","type":"souk.order.placed.v1","time":"2026-11-24T12:00:00.123456Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","datacontenttype":"application/json",{order}}}"#
    )
}

/// As long as a real one.
fn reply() -> String {
    format!(
        r#"{{"order":{{"id":4711,"number":"SOUK-00004711","user_id":17,"status":"pending","items":[{{"product_id":17,"name":"Copper coffee pot, hand-hammered","unit_price":12.5,"quantity":1,"subtotal":12.5}}],"subtotal":12.5,"total":12.5,"currency":"EUR","shipping_address":{},"payment_id":null,"placed_at":"2026-11-24T12:00:00.123456Z","updated_at":"2026-11-24T12:00:00.123456Z","expires_at":"2026-11-24T12:30:00.123456Z","timeline":[{{"at":"2026-11-24T12:00:00.123456Z","status":"pending","note":"Order placed"}}]}}}}"#,
        crate::buyers::ADDRESS
    )
}

/// The result in its output.
pub(crate) fn finish(child: Child) -> anyhow::Result<Orders> {
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |before: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(before))?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    };
    ensure!(output.status.success(), "pgbench: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    ensure!(number("number of failed transactions: ").unwrap_or_default() == 0.0, "pgbench: {text}");
    let per_second = number("tps = ").with_context(|| text.to_string())?;
    Ok(Orders { per_second, p50: number("latency average = ").unwrap_or_default() })
}

/// Statements only in the script, and statements only from the shop, each with its count.
pub(crate) fn differences(passed: &Passed, idle: &Passed, pay: bool, carts: bool) -> (Vec<String>, Vec<String>) {
    let mut balance = BTreeMap::<String, i32>::new();
    for statement in statements_of_the_script(pay, carts) {
        *balance.entry(statement).or_default() -= 1;
    }
    for statement in &passed.statements {
        // jobs issue statements without a purchase, too; the relay claims and deletes rows
        let relay =
            [r#"WITH "some""#, r#"UPDATE "outbox""#, r#"DELETE FROM "outbox""#].iter().any(|start| statement.starts_with(start));
        match statement.as_str() {
            // from a job that found nothing to do
            "ROLLBACK" => *balance.entry("BEGIN".into()).or_default() -= 1,
            "BEGIN" | "COMMIT" => *balance.entry(statement.clone()).or_default() += 1,
            _ if relay || idle.statements.contains(statement) => {}
            _ => *balance.entry(normal(statement)).or_default() += 1,
        }
    }
    let of =
        |sign: i32| balance.iter().filter(|(_, n)| n.signum() == sign).map(|(text, n)| format!("{} x {text}", n.abs())).collect();
    (of(-1), of(1))
}

fn statements_of_the_script(pay: bool, carts: bool) -> Vec<String> {
    let mut active = vec![true];
    let mut text = String::new();
    // ends a statement like a semicolon, and stores its result
    let script = SCRIPT.replace("\\gset", ";");
    for line in script.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
        match line {
            "\\if :pay" => active.push(pay),
            "\\if :carts" => active.push(carts),
            "\\endif" => drop(active.pop()),
            _ if line.starts_with('\\') => {}
            _ if active.iter().all(|active| *active) => text.extend([line, " "]),
            _ => {}
        }
    }
    text.split(';').map(normal).filter(|statement| !statement.is_empty()).collect()
}

/// A statement in a form that is the same for the script and the shop: without parameters, quotation marks of names, and layout.
fn normal(statement: &str) -> String {
    let mut statement = statement.replace(", NULL", ", $").replace("gen_random_uuid()", "$");
    for only_in_the_script in ["\"", "::bigint", " RETURNING id AS payment"] {
        statement = statement.replace(only_in_the_script, "");
    }
    let mut text = String::new();
    let mut rest = statement.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '$' || c == ':' {
            while rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_').is_some() {}
            text.push('?');
        } else if !c.is_whitespace() {
            text.push(c);
        } else if !text.ends_with(' ') {
            text.push(' ');
        }
    }
    text.trim().to_owned()
}
