//! Notifications of users, and events that cannot be handled.

use crate::{
    harness::{Account, Shop, both_deployments, souk, to_address, until},
    mail::MailServer,
};
use kernel::{Ctx, Event, module::Module, outbox, testing::Stores};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

both_deployments![
    a_purchase_sends_notifications,
    notifications_are_read_and_chosen,
    admins_manage_notifications,
    an_event_that_cannot_be_handled_becomes_a_dead_letter_and_delays_no_other,
];

async fn order(shop: &Shop, me: &Account, product: i64) -> Value {
    let add = json!({"product_id": product, "quantity": 1});
    shop.call(me, "POST", "/api/cart/items", Some(add)).await.expect(201);
    shop.call(me, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"].clone()
}

async fn pay(shop: &Shop, me: &Account, order: &Value, method: &str) {
    let pay = json!({"order_id": order["id"], "payment_method": method});
    shop.call(me, "POST", "/api/payments/process", Some(pay)).await;
}

/// The notifications of a user, as a set of `kind channel status`.
async fn notifications(shop: &Shop, me: &Account) -> BTreeSet<String> {
    let page = shop.call(me, "GET", "/api/notifications?per_page=100", None).await.expect(200);
    let text = |n: &Value, name: &str| n[name].as_str().unwrap().to_owned();
    let notifications = page["notifications"].as_array().unwrap();
    let all: Vec<String> =
        notifications.iter().map(|n| format!("{} {} {}", text(n, "kind"), text(n, "channel"), text(n, "status"))).collect();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "notified twice: {all:?}");
    set
}

async fn until_notified(shop: &Shop, me: &Account, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|&line| line.to_owned()).collect();
    until(async || notifications(shop, me).await == wanted).await;
}

async fn a_purchase_sends_notifications(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer_with_phone("leyla", "+96170123456").await);
    let lamp = shop.product(&admin, "Lamp <b>&", 29.99, 5).await;
    let order = order(&shop, &me, lamp).await;
    pay(&shop, &me, &order, "sandbox_declined").await;
    pay(&shop, &me, &order, "sandbox_success").await;
    let shipped = json!({"status": "shipped", "note": "Parcel 7"});
    shop.call(&admin, "PUT", &format!("/api/orders/{}/status", order["id"]), Some(shipped)).await.expect(200);
    let wanted = [
        "user.registered email sent",
        "order.placed email sent",
        "payment.failed email sent",
        "order.paid email sent",
        "order.shipped email sent",
        "order.shipped sms sent",
    ];
    until_notified(&shop, &me, &wanted).await;

    let mailbox = shop.get("/api/dev/mailbox").await;
    assert_eq!(mailbox.headers["cache-control"], "no-store");
    let messages = mailbox.expect(200)["messages"].as_array().unwrap().clone();
    let mine: Vec<&Value> = messages.iter().filter(|m| m["to"] == "leyla@example.com").collect();
    assert_eq!(mine.len(), 5, "{mine:?}");
    let number = order["number"].as_str().unwrap();
    let placed = mine.iter().find(|m| m["kind"] == "order.placed").unwrap();
    assert!(placed["subject"].as_str().unwrap().contains(number));
    assert!(placed["text"].as_str().unwrap().contains("Lamp <b>&") && placed["text"].as_str().unwrap().contains("29.99"));
    assert!(placed["html"].as_str().unwrap().contains("Lamp &lt;b&gt;&amp;"), "{}", placed["html"]);
    let sms = messages.iter().find(|m| m["channel"] == "sms").unwrap();
    assert_eq!((sms["to"].as_str(), sms["kind"].as_str()), (Some("+96170123456"), Some("order.shipped")));
    // the page of the mailbox
    let page = shop.get("/dev/mailbox").await;
    assert_eq!((page.status, page.text.contains("/api/dev/mailbox")), (200, true));
}

async fn notifications_are_read_and_chosen(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("omar").await);
    let stranger = shop.customer("eve").await;
    let lamp = shop.product(&admin, "Lamp", 10.0, 5).await;
    until_notified(&shop, &me, &["user.registered email sent"]).await;
    let chosen = json!({"locale": "de-AT", "kinds": {"order.placed": {"email": false, "sms": false}}});
    let preferences = shop.call(&me, "PUT", "/api/notifications/preferences", Some(chosen)).await.expect(200);
    assert_eq!(preferences["kinds"]["order.paid"], json!({"email": true, "sms": false}));
    assert_eq!(shop.call(&me, "GET", "/api/notifications/preferences", None).await.expect(200), preferences);
    let bad = shop.call(&me, "PUT", "/api/notifications/preferences", Some(json!({"locale": "no such language"}))).await;
    assert_eq!((bad.problem(400), bad.json()["errors"][0]["pointer"].clone()), ("invalid_argument".into(), json!("/locale")));

    let order = order(&shop, &me, lamp).await;
    pay(&shop, &me, &order, "sandbox_success").await;
    until_notified(&shop, &me, &["user.registered email sent", "order.paid email sent"]).await;
    let page = shop.call(&me, "GET", "/api/notifications?kind=order.paid", None).await.expect(200);
    let paid = &page["notifications"][0];
    assert_eq!((paid["locale"].as_str(), page["unread"].as_i64()), (Some("de"), Some(2)));
    let read = format!("/api/notifications/{}/read", paid["id"].as_str().unwrap());
    assert_eq!(shop.call(&stranger, "PUT", &read, None).await.status, 404);
    shop.call(&me, "PUT", &read, None).await.expect(204);
    let page = shop.call(&me, "GET", "/api/notifications?unread=true", None).await.expect(200);
    assert_eq!((page["unread"].as_i64(), page["notifications"][0]["kind"].as_str()), (Some(1), Some("user.registered")));
    shop.call(&me, "PUT", "/api/notifications/read", None).await.expect(204);
    assert_eq!(shop.call(&me, "GET", "/api/notifications", None).await.expect(200)["unread"], 0);
    assert_eq!(shop.get("/api/notifications").await.status, 401);
}

async fn admins_manage_notifications(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("noor").await);
    until_notified(&shop, &me, &["user.registered email sent"]).await;
    let list = format!("/api/admin/notifications?user_id={}&status=sent", me.id);
    assert_eq!(shop.call(&me, "GET", &list, None).await.status, 403);
    let found = shop.call(&admin, "GET", &list, None).await.expect(200);
    assert_eq!(found["notifications"][0]["recipient"], "noor@example.com");
    let one = format!("/api/admin/notifications/{}", found["notifications"][0]["id"].as_str().unwrap());
    let whole = shop.call(&admin, "GET", &one, None).await.expect(200);
    assert!(whole["text"].as_str().unwrap().contains("Your account is open") && whole["html"].is_string());
    shop.call(&admin, "POST", &format!("{one}/resend"), None).await.expect(202);
    let mails = async || {
        let messages = shop.get("/api/dev/mailbox").await.expect(200)["messages"].as_array().unwrap().clone();
        messages.iter().filter(|m| m["to"] == "noor@example.com").count()
    };
    until(async || mails().await == 2).await;
    let preview = json!({"kind": "order.shipped", "channel": "email", "locale": "de"});
    let preview = shop.call(&admin, "POST", "/api/admin/notification-templates/preview", Some(preview)).await.expect(200);
    assert!(preview["locale"] == "de" && preview["subject"].is_string() && preview["html"].is_string());
}

/// An event whose data is not that of its type.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
struct Broken {
    nonsense: bool,
}

impl Event for Broken {
    const TYPE: &'static str = "order.placed";
    fn subject(&self) -> String {
        "13".into()
    }
    fn version(&self) -> i64 {
        0
    }
}

async fn an_event_that_cannot_be_handled_becomes_a_dead_letter_and_delays_no_other(shop: Shop) {
    let config = order::Config { database_url: shop.stores.database_url("order"), ..Default::default() };
    let db = order::Orders::open(&config).await.unwrap();
    let tx = db.begin().await.unwrap();
    outbox::publish(&tx, &Ctx::anonymous(Duration::from_secs(5)), &Broken { nonsense: true }).await.unwrap();
    tx.commit().await.unwrap();
    let (admin, me) = (shop.admin().await, shop.customer("leyla").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 5).await;
    order(&shop, &me, lamp).await;
    until_notified(&shop, &me, &["user.registered email sent", "order.placed email sent"]).await;

    let letters = |arguments: &[&str]| {
        let arguments = [&["events", "dead-letters"], arguments].concat();
        let output = souk(shop.stores.folder(), &arguments, &[]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    until(async || !letters(&["list"]).1.is_empty()).await;
    let (_, list) = letters(&["list"]);
    let fields: Vec<&str> = list.split("  ").collect();
    let (id, listener, kind, subject, attempts) = (fields[0], fields[2], fields[3], fields[4], fields[6]);
    assert_eq!((kind, subject, attempts, list.lines().count()), ("order.placed", "13", "3", 1), "{list}");
    assert_eq!(listener, "notification");
    assert_eq!(letters(&["list", "--listener", "nobody"]), (true, String::new()));
    assert!(letters(&["show", id]).1.contains("nonsense"));
    // when it is replayed, it fails again
    assert!(letters(&["replay", id]).0);
    assert!(!letters(&["drop", "00000000-0000-7000-8000-000000000000"]).0);
    until(async || !letters(&["list"]).1.is_empty()).await;
    assert!(letters(&["drop", "--all"]).0);
    assert_eq!(letters(&["list"]), (true, String::new()));
}

/// A shop whose mail server is not running yet.
macro_rules! killed {
    ($($(#[$how:meta])* $test:ident: $start:ident $(on $stores:ident)?,)*) => { $(
        #[tokio::test]
        $(#[$how])*
        async fn $test() {
            let mail = MailServer::closed();
            let port = mail.port.to_string();
            let settings = [
                ("SOUK_NOTIFICATION__MAIL", "smtp"),
                ("SMTP_HOST", "127.0.0.1"),
                ("SMTP_PORT", &port),
                ("SOUK_NOTIFICATION__SMTP__TLS", "none"),
                // messages of a dead process are due again after these
                ("SOUK_NOTIFICATION__SMTP__TIMEOUT_MS", "2000"),
                ("SOUK_NOTIFICATION__SMTP__DATA_TIMEOUT_MS", "10000"),
            ];
            notifications_survive_a_kill(Shop::$start($(Stores::$stores(),)? &settings).await, &mail).await;
        }
    )* };
}

killed! {
    notifications_survive_a_kill_of_one_process: one_process,
    notifications_survive_a_kill_of_each_process: split,
    #[ignore = "needs servers: see docs/testing.md"]
    notifications_survive_a_kill_of_one_process_on_servers: one_process_on on servers,
    #[ignore = "needs servers: see docs/testing.md"]
    notifications_survive_a_kill_of_each_process_on_servers: split_on on servers,
}

async fn notifications_survive_a_kill(mut shop: Shop, mail: &MailServer) {
    let (admin, me) = (shop.admin().await, shop.customer("leyla").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 50).await;
    let mut numbers = Vec::new();
    let mut buy = async |shop: &Shop| numbers.push(order(shop, &me, lamp).await["number"].as_str().unwrap().to_owned());
    for _ in 0..5 {
        buy(&shop).await;
    }
    let placed = async |shop: &Shop, status: &str| {
        let page = shop.call(&me, "GET", "/api/notifications?kind=order.placed&per_page=100", None).await;
        let is_so = |n: &&Value| n["status"] == status;
        if page.status == 200 { page.json()["notifications"].as_array().unwrap().iter().filter(is_so).count() } else { 0 }
    };
    // mails that the server has not accepted yet, and events that are being delivered
    until(async || placed(&shop, "queued").await == 5).await;
    for _ in 0..3 {
        buy(&shop).await;
    }
    for process in shop.processes.iter().map(|process| process.name.clone()).collect::<Vec<_>>() {
        shop.kill_and_start_again(&process).await;
    }
    assert!(mail.mails().is_empty());
    mail.open();
    until(async || placed(&shop, "sent").await == 8).await;
    let mut subjects: Vec<String> = mail.mails().iter().map(|mail| mail.header("Subject")).collect();
    subjects.retain(|subject| subject.starts_with("We have received your order"));
    subjects.sort();
    let expected: Vec<String> = numbers.iter().map(|number| format!("We have received your order {number}")).collect();
    assert_eq!(subjects, expected, "one mail for each order");
}
