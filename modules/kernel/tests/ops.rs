//! The operations listener of a process.

use actix_web::{
    App,
    test::{TestRequest, call_service, init_service, read_body_json},
};
use kernel::{
    BoxFuture, Fault, Health, InternalKey, Transport,
    jobs::Jobs,
    ops::{Ops, Readiness},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// A store that takes its time to say how it is.
struct Slow {
    name: &'static str,
    answer: Option<&'static str>,
    takes: Duration,
    looks: Arc<AtomicU32>,
}

impl Health for Slow {
    fn name(&self) -> &str {
        self.name
    }

    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let (answer, takes) = (self.answer, self.takes);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            answer.map_or(Ok(()), |why| Err(Fault::away(why)))
        })
    }
}

fn ops(needed: Vec<Arc<dyn Health>>) -> Ops {
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let nowhere = Transport::http(vec!["http://127.0.0.1:9".into()], InternalKey::random());
    let peers = vec![("product", nowhere)];
    Ops { readiness: Readiness::new(needed), metrics, jobs: Jobs::default(), peers, log: None }
}

async fn get(ops: &Ops, path: &str) -> (u16, Value) {
    let app = init_service(App::new().configure(|cfg| ops.configure(cfg))).await;
    let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
    (response.status().as_u16(), read_body_json(response).await)
}

#[actix_web::test]
async fn readiness_checks_everything_in_parallel_once_a_second_and_names_failures() {
    let looks = Arc::new(AtomicU32::new(0));
    let slow = |name, answer, millis| {
        let takes = Duration::from_millis(millis);
        Arc::new(Slow { name, answer, takes, looks: looks.clone() }) as Arc<dyn Health>
    };
    let ops = ops(vec![
        slow("a.database", None, 600),
        slow("b.database", Some("starting"), 600),
        slow("c.redis", None, 600),
        slow("d.mongodb", None, 60_000),
    ]);
    let begun = Instant::now();
    let checks = json!({"a.database": "ok", "b.database": "starting", "c.redis": "ok", "d.mongodb": "no answer"});
    let expected = (503, json!({"status": "not ready", "checks": checks}));
    let many = futures_util::future::join_all((0..20).map(|_| get(&ops, "/readyz"))).await;
    assert!(many.iter().all(|answer| *answer == expected), "{many:?}");
    assert!(begun.elapsed() < Duration::from_millis(1_700), "one after the other: {:?}", begun.elapsed());
    assert_eq!(looks.load(Ordering::Relaxed), 4, "everybody gets the same answer");
}

#[actix_web::test]
async fn a_process_that_is_about_to_end_is_not_ready_at_once() {
    let ops = ops(Vec::new());
    assert_eq!(get(&ops, "/readyz").await, (200, json!({"status": "ready", "checks": {}})));
    ops.jobs.drain();
    assert_eq!(get(&ops, "/readyz").await, (503, json!({"status": "not ready", "checks": {"jobs": "stopping"}})));
    assert_eq!(get(&ops, "/livez").await.0, 200);
}

#[actix_web::test]
async fn jobs_and_peers_are_shown() {
    let ops = ops(Vec::new());
    ops.jobs.every("test.job", Duration::from_secs(60), async || Ok(()));
    let (status, jobs) = get(&ops, "/jobs").await;
    assert_eq!((status, &jobs[0]["job"]), (200, &json!("test.job")));
    let peers = json!({"product": [{"address": "http://127.0.0.1:9", "is_left_alone": false}]});
    assert_eq!(get(&ops, "/peers").await, (200, peers));
}
