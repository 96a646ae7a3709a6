//! Traces, as a collector receives them: one purchase is one trace, in both deployments and on both kinds of stores.

use crate::harness::{Shop, to_address, until};
use actix_web::{App, HttpResponse, HttpServer, web};
use kernel::testing::Stores;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{span::SpanKind, status::StatusCode},
};
use prost::Message;
use serde_json::{Value as Json, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

/// A trace that a page of the shop's client began.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

#[derive(Clone, Debug)]
struct Span {
    service: String,
    name: String,
    kind: SpanKind,
    trace: String,
    id: String,
    parent: String,
    has_failed: bool,
    attributes: BTreeMap<String, String>,
}

/// A collector: it takes spans by OTLP over HTTP.
#[derive(Clone)]
struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let received = web::Data::from(spans.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(received.clone())
                .app_data(web::PayloadConfig::new(16 << 20))
                .route("/v1/traces", web::post().to(receive))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { address, spans }
    }

    /// The settings of a shop that sends its spans here, soon.
    fn settings(&self) -> [(&str, &str); 2] {
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &self.address), ("OTEL_BSP_SCHEDULE_DELAY", "100")]
    }

    fn of_trace(&self, trace: &str) -> Vec<Span> {
        self.spans.lock().unwrap().iter().filter(|span| span.trace == trace).cloned().collect()
    }
}

async fn receive(body: web::Bytes, spans: web::Data<Mutex<Vec<Span>>>) -> HttpResponse {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_process in request.resource_spans {
        let resource = attributes(of_process.resource.unwrap().attributes);
        for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.lock().unwrap().push(Span {
                service: resource["service.name"].clone(),
                kind: span.kind(),
                has_failed: span.status.is_some_and(|status| status.code() == StatusCode::Error),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
            });
        }
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    list.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value)))).collect()
}

/// Buys something, each request in the same trace, and returns its spans once the mails have been sent.
async fn purchase(collector: &Collector, shop: &Shop) -> Vec<Span> {
    let me = shop.customer("traced").await;
    let add = json!({"product_id": 3, "quantity": 1});
    shop.call(&me, "POST", "/api/cart/items", Some(add)).await.expect(201);
    let call = async |path: &str, body: Json| {
        let request = shop.request("POST", path).bearer_auth(&me.token).json(&body);
        shop.send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"))).await
    };
    let order = call("/api/orders", to_address()).await.expect(201)["order"]["id"].clone();
    call("/api/payments/process", json!({"order_id": order, "payment_method": "sandbox_success"})).await.expect(200);
    let is_complete = || {
        let spans = collector.of_trace(TRACE);
        let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).chain([PARENT]).collect();
        // a span is sent when it ends, after those inside it
        ["send email order.placed", "send email order.paid", "POST /api/orders", "POST /api/payments/process"]
            .iter()
            .all(|name| spans.iter().any(|span| span.name == *name))
            && spans.iter().all(|span| ids.contains(span.parent.as_str()))
    };
    until(async || is_complete()).await;
    collector.of_trace(TRACE)
}

/// The names of spans from the roots down, without the hops between processes: a call that leaves a process is the same call
/// where it arrives.
fn paths(spans: &[Span]) -> BTreeSet<String> {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    let path = |span: &Span| {
        let mut names = Vec::new();
        let mut next = Some(span);
        while let Some(span) = next {
            let is_root = span.parent == PARENT;
            let is_hop = !is_root && span.attributes.contains_key("http.request.method");
            if !is_hop && names.last() != Some(&span.name) {
                names.push(span.name.clone());
            }
            next = by_id.get(span.parent.as_str()).copied();
        }
        names.reverse();
        names.join(" > ")
    };
    spans.iter().map(path).collect()
}

/// The paths without those to stores, which depend on what else happens at the time.
fn without_stores(spans: &[Span]) -> BTreeSet<String> {
    let spans: Vec<Span> = spans.iter().filter(|span| !span.attributes.contains_key("db.system.name")).cloned().collect();
    paths(&spans)
}

#[tokio::test]
async fn a_purchase_is_one_trace_and_the_same_in_both_deployments() {
    let (one, split) = (Collector::start(), Collector::start());
    let shop = Shop::one_process(&one.settings()).await;
    let in_one = purchase(&one, &shop).await;
    drop(shop);
    let shop = Shop::split(&split.settings()).await;
    let in_seven = purchase(&split, &shop).await;

    assert_eq!(in_one.iter().map(|span| span.service.as_str()).collect::<BTreeSet<_>>(), BTreeSet::from(["souk"]));
    let services: BTreeSet<&str> = in_seven.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["cart", "gateway", "notification", "order", "payment", "product", "user"]));
    assert_eq!(without_stores(&in_one), without_stores(&in_seven));

    let paths = paths(&in_one);
    for path in [
        "POST /api/orders > order.place > product.hold > UPDATE products",
        "POST /api/orders > order.place > cart.snapshot > SELECT carts",
        "POST /api/orders > order.place > handle order.placed > notification.handle > INSERT notifications",
        "POST /api/orders > order.place > handle order.placed > notification.handle > send email order.placed",
        "POST /api/payments/process > order.pay > payment.process > INSERT payments",
    ] {
        assert!(paths.contains(path), "{path} is missing in {paths:#?}");
    }
    for span in in_one.iter().chain(&in_seven) {
        assert!(!span.has_failed, "{span:?}");
        let shown = format!("{:?}", span.attributes);
        assert!(!shown.contains("example.com") && !shown.contains("Spice Lane"), "personal data in {shown}");
    }
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_purchase_on_servers_is_one_trace_through_all_of_them() {
    let collector = Collector::start();
    let shop = Shop::split_on(Stores::servers(), &collector.settings()).await;
    let spans = purchase(&collector, &shop).await;
    let systems: BTreeSet<&str> =
        spans.iter().filter_map(|span| span.attributes.get("db.system.name")).map(String::as_str).collect();
    assert_eq!(systems, BTreeSet::from(["mongodb", "postgresql", "redis"]));
    let kinds = |name: &str| spans.iter().filter(|span| span.name == name).map(|span| span.kind).collect::<Vec<_>>();
    assert_eq!(kinds("publish order.placed"), [SpanKind::Producer]);
    assert_eq!(kinds("handle order.placed"), [SpanKind::Consumer]);
}

/// A client's wish is respected, and a request that is not recorded costs no span.
#[tokio::test]
async fn what_is_not_sampled_is_not_recorded() {
    let collector = Collector::start();
    let [endpoint, soon] = collector.settings();
    let shop = Shop::one_process(&[endpoint, soon, ("OTEL_TRACES_SAMPLER_ARG", "0")]).await;
    let get = async |flags: &str| {
        let request = shop.request("GET", "/api/products/1");
        shop.send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"))).await.expect(200)
    };
    get("00").await;
    shop.get("/api/products/1").await.expect(200);
    get("01").await;
    until(async || collector.of_trace(TRACE).iter().any(|span| span.name == "GET /api/products/{id}")).await;
    let all = collector.spans.lock().unwrap().clone();
    let requests = all.iter().filter(|span| span.kind == SpanKind::Server).count();
    assert_eq!((requests, all.iter().all(|span| span.trace == TRACE)), (1, true), "{all:#?}");
}

/// A collector that takes connections and never answers, or that is away, costs requests nothing.
#[tokio::test]
async fn a_collector_that_does_not_answer_does_not_matter() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in [address.as_str(), "http://127.0.0.1:1"] {
        // a queue that one request overfills
        let small =
            [("OTEL_BSP_MAX_QUEUE_SIZE", "2"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
        let settings: Vec<_> = [("SOUK_TRACES__ENDPOINT", endpoint)].into_iter().chain(small).collect();
        let shop = Shop::one_process(&settings).await;
        for _ in 0..50 {
            shop.get("/api/products?per_page=5").await.expect(200);
        }
    }
}
