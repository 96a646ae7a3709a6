//! Runs the quick start of the README in bash, unchanged, and checks the promises of its comments.

use crate::harness::{Shop, both_deployments, until};
use kernel::chrono::{DateTime, TimeDelta};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

both_deployments![the_quick_start_keeps_its_promises];

/// A bash that keeps its variables from one step to the next.
struct Bash {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Bash {
    fn start() -> Self {
        let mut bash = Command::new("bash");
        bash.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut process = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output).lines() }
    }

    /// The lines that these commands print.
    fn run<const N: usize>(&mut self, commands: &str) -> [String; N] {
        writeln!(self.input, "{commands}\necho; echo 'end of step'").unwrap();
        let lines = self.output.by_ref().map(|line| line.unwrap()).take_while(|line| line != "end of step");
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        lines.try_into().unwrap_or_else(|lines| panic!("{commands}\nprinted {lines:#?}"))
    }
}

impl Drop for Bash {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The steps of the quick start, each a comment and its commands. Tests run each by its comment, in order.
struct QuickStart {
    steps: std::str::Split<'static, &'static str>,
    bash: Bash,
}

impl QuickStart {
    /// The steps with another address, otherwise unchanged.
    fn at(address: &str) -> Self {
        let (_, block) = include_str!("../../README.md").split_once("```bash\n").unwrap();
        let mut steps = block.split_once("```").unwrap().0.split("\n# ");
        let settings = steps.next().unwrap();
        assert_eq!(settings.matches("SHOP=http://127.0.0.1:8000\n").count(), 1, "{settings}");
        let mut bash = Bash::start();
        let [] = bash.run(&settings.replace("http://127.0.0.1:8000", address));
        Self { steps, bash }
    }

    #[track_caller]
    fn step<const N: usize>(&mut self, comment: &str) -> [String; N] {
        let step = self.steps.next().unwrap_or_else(|| panic!("there is no step: {comment}"));
        assert_eq!(step.lines().next(), Some(comment), "check here what the new comment promises");
        self.bash.run(&format!("# {step}"))
    }
}

#[track_caller]
fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))
}

#[track_caller]
fn number(line: &str, label: &str) -> i64 {
    line.strip_prefix(label).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{label}? {line}"))
}

async fn the_quick_start_keeps_its_promises(shop: Shop) {
    let mut quick_start = QuickStart::at(&shop.base);

    let [found, stock] = quick_start.step("browse: no account needed; remember the stock");
    let found = json(&found)["products"].as_array().unwrap().clone();
    let prices: Vec<f64> = found.iter().map(|product| product["price"].as_f64().unwrap()).collect();
    assert!(found.len() >= 2 && prices.is_sorted(), "{prices:?}");
    assert!(found.iter().all(|product| product.to_string().to_lowercase().contains("coffee")), "{found:?}");
    let before = number(&stock, "stock: ");

    let [registered] = quick_start.step("register and log in");
    assert_eq!(json(&registered)["user"]["first_name"], "Leyla");
    let [token] = quick_start.bash.run(r#"echo "$TOKEN""#);
    assert_eq!(token.split('.').count(), 3, "{token}");

    let [cart] = quick_start.step("put two coffee pots into the cart");
    let line = json(&cart)["items"][0].clone();
    assert!(line["product_name"].as_str().unwrap().contains("coffee pot"), "{line}");
    assert_eq!((&line["product_id"], &line["quantity"]), (&1.into(), &2.into()));

    let [order] = quick_start.step("order the cart: the stock is held for 30 minutes");
    let id = number(&order, "order: ");
    let mine = async |path: &str| shop.send(shop.request("GET", path).bearer_auth(&token)).await.expect(200);
    let order = mine(&format!("/api/orders/{id}")).await["order"].clone();
    let time = |name: &str| DateTime::parse_from_rfc3339(order[name].as_str().unwrap()).unwrap();
    let held = time("expires_at") - time("placed_at");
    assert!((held - TimeDelta::minutes(30)).abs() < TimeDelta::minutes(1), "{held}");
    assert_eq!(shop.get("/api/products/1").await.expect(200)["stock_quantity"], before - 2);

    let [paid] = quick_start.step("pay");
    assert_eq!(json(&paid)["payment"]["status"], "succeeded", "{paid}");

    let [order, stock] = quick_start.step("the order is paid, and says what happened to it; the stock is two lower than before");
    let timeline = order.strip_prefix(r#""status":"paid" "timeline":"#).unwrap_or_else(|| panic!("{order}"));
    assert!(json(timeline).as_array().unwrap().len() >= 2, "{timeline}");
    assert_eq!(number(&stock, "stock: "), before - 2);

    until(async || {
        let is_told = mine("/api/notifications").await["pagination"]["total"] == 3;
        if !is_told {
            // not more calls than the limits of a shop at SOUK_TEST_URL allow
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        is_told
    })
    .await;
    let subjects: [String; 3] = quick_start.step("what she was told, within a moment: a welcome, the order, the payment");
    for words in ["Welcome to ", "received your order ", "received your payment "] {
        assert_eq!(subjects.iter().filter(|subject| subject.contains(words)).count(), 1, "{words}: {subjects:?}");
    }
    assert_eq!(quick_start.steps.next(), None, "check here what the new step promises");
}
