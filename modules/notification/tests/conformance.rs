//! The contract of the notification module, in three placements, on every kind of store, with a controllable mail server and SMS
//! provider.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

mod sinks;

use kernel::{
    Code, Contract, Envelope, Event, Fault, Health, Incoming, MAX_DEADLINE, UserId,
    db::Pool,
    jobs::Jobs,
    module::{self, Started},
    testing::{Kind, Stores, admin, anonymous, customer, server},
};
use notification::{
    ChannelChoice, Config, EventId, ListAllNotifications, ListNotifications, MailTransport, NotificationApi, NotificationChannel,
    NotificationClient, NotificationEntry, NotificationError, NotificationId, NotificationKind, NotificationPreferences,
    NotificationStatus, Notifications, PreviewTemplate, SmsHttp, SmsTransport, Smtp, Tls,
};
use order::{CancelReason, OrderCancelled, OrderDelivered, OrderFacts, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use payment::PaymentFailed;
use product::{ProductId, StockLow, VariantId};
use serde_json::json;
use sinks::{Behavior, MailServer, SmsProvider};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use user::{UserChanged, UserFacts, UserRegistered};
use uuid::Uuid;

/// The suite of placements, on the stores that `$start` chooses.
macro_rules! suite {
    ([$($front:tt)*] [$($back:tt)*]) => {
        kernel::placements! { $($front)* [
            every_event_leads_to_its_message,
            a_repeated_event_is_sent_once,
            a_repeated_event_after_a_change_of_preferences_adds_nothing,
            users_choose_kinds_and_channels,
            an_unknown_user_is_written_to_once_known,
            an_older_address_does_not_replace_a_newer_one,
            the_version_decides_which_address_is_newer,
            a_mail_arrives_once_and_whole,
            text_typed_by_a_stranger_is_not_mailed,
            a_token_is_mailed_and_never_shown,
            an_international_address_is_written_to,
            a_server_that_is_down_loses_nothing,
            a_server_that_closes_or_hangs_loses_nothing,
            a_mail_without_an_answer_uses_all_attempts,
            a_mail_that_is_cut_off_uses_all_attempts,
            a_permanent_refusal_fails_and_can_be_sent_again,
            a_transient_refusal_uses_all_attempts,
            a_resend_under_a_key_is_sent_once,
            sms_go_to_the_provider,
            two_instances_send_each_message_once,
            lists_are_paged_and_filtered,
            reading_is_recorded,
            only_admins_see_all,
            users_see_only_their_own,
            bad_input_names_the_field,
            templates_can_be_previewed,
            an_unreadable_event_is_a_fault,
            stock_that_is_low_is_mailed_to_the_shop_once,
            rows_of_a_newer_release_are_ignored,
            an_attempt_without_a_recorded_outcome_counts,
        ] $($back)* }
    };
}

/// SQLite, and PostgreSQL.
mod sql {
    use super::*;
    suite! { [NotificationClient, on_sql:] [] }
}

mod mongodb {
    use super::*;
    suite! { [@in servers, NotificationClient, on_mongodb:] [#[ignore = "needs servers: see docs/testing.md"]] }
}

mod development {
    use super::*;
    kernel::placements! { NotificationClient, in_development: [
        the_mailbox_shows_unsent_messages,
        nobody_is_told_of_stock_without_the_setting,
    ] }
}

struct Fixture {
    config: Config,
    mail: MailServer,
    sms: SmsProvider,
    stop: Jobs,
    mongo: Option<Mongo>,
    _stores: Stores,
}

/// The module, once its store is up.
async fn started(config: &Config, jobs: &Jobs) -> Started<Notifications> {
    let started = module::start::<Notifications>(config, (), false, jobs).await.unwrap();
    until("up", async || started.store.check().await.ok()).await;
    started
}

/// A database of MongoDB that is gone with the test.
struct Mongo(String);

impl Drop for Mongo {
    fn drop(&mut self) {
        let url = self.0.clone();
        // a test may end inside a runtime, which must not be blocked from within
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move { database(&url).await.drop().await.unwrap() });
        });
        drop(cleaning.join());
    }
}

async fn database(url: &str) -> ::mongodb::Database {
    ::mongodb::Client::with_uri_str(url).await.unwrap().default_database().unwrap()
}

async fn on_sql(stores: Stores) -> (Notifications, Fixture) {
    let url = stores.database("notification").await;
    fixture(stores, url, None).await
}

async fn on_mongodb(stores: Stores) -> (Notifications, Fixture) {
    assert_eq!(stores.kind(), Kind::Servers);
    let url = mongodb_url(&stores);
    let mongo = Some(Mongo(url.clone()));
    fixture(stores, url, mongo).await
}

fn mongodb_url(stores: &Stores) -> String {
    format!("{}/{}", server("SOUK_TEST_MONGO", "mongodb://127.0.0.1:27017"), stores.name())
}

async fn in_development(stores: Stores) -> (Notifications, Stores) {
    let config = Config { database_url: stores.database("notification").await, ..Config::default() };
    (started(&config, &Jobs::default()).await.service, stores)
}

async fn fixture(stores: Stores, database_url: String, mongo: Option<Mongo>) -> (Notifications, Fixture) {
    let (mail, sms) = (MailServer::closed(), SmsProvider::start());
    let smtp = Smtp { host: "127.0.0.1".into(), port: mail.port, tls: Tls::None, pool: 2, ..Smtp::default() };
    let sms_http = SmsHttp {
        url: sms.url.clone(),
        header: "Authorization".into(),
        header_value: "Bearer sesame".into(),
        to_field: "recipient".into(),
        text_field: "body".into(),
        fields: [("sender".to_owned(), "Souk".to_owned())].into(),
        timeout_ms: 2_000,
    };
    let config = Config {
        database_url,
        // tests run on busy machines
        pool: Pool { acquire_timeout_ms: 30_000, ..Pool::default() },
        mail: MailTransport::Smtp,
        smtp,
        sms: SmsTransport::Http,
        sms_http,
        retry_ms: vec![50, 100, 200],
        stock_mail_to: "stock@souk.test".into(),
        ..Config::default()
    };
    let stop = Jobs::default();
    let notifications = started(&config, &stop).await.service;
    (notifications, Fixture { config, mail, sms, stop, mongo, _stores: stores })
}

impl Fixture {
    /// Writes into the store past the module: table, column, value, and the column and value by which the row is found.
    async fn overwrite(&self, changes: &[(&str, &str, String, &str, String)]) {
        if let Some(Mongo(url)) = &self.mongo {
            use ::mongodb::bson::{Bson, doc};
            // numbers are numbers
            let bson = |value: &String| value.parse::<i64>().map_or_else(|_| Bson::from(value.as_str()), Bson::from);
            let database = database(url).await;
            for (table, column, value, by, wanted) in changes {
                let by = if (*table, *by) == ("preferences", "user_id") { "_id" } else { by };
                let collection = database.collection::<::mongodb::bson::Document>(table);
                let change = doc! {"$set": {*column: bson(value)}};
                assert_eq!(collection.update_many(doc! {by: bson(wanted)}, change).await.unwrap().modified_count, 1);
            }
        } else {
            use sea_orm::ConnectionTrait;
            let database = sea_orm::Database::connect(&self.config.database_url).await.unwrap();
            for (table, column, value, by, wanted) in changes {
                let change = format!("UPDATE {table} SET {column} = '{value}' WHERE {by} = '{wanted}'");
                assert_eq!(database.execute_unprepared(&change).await.unwrap().rows_affected(), 1);
            }
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stop.stopping().cancel();
        // after the workers have stopped
        drop(self.mongo.take());
    }
}

const LEYLA: i64 = 7;

fn registered(user: i64) -> UserRegistered {
    registration_of(account(user))
}

fn registration_of(user: UserFacts) -> UserRegistered {
    UserRegistered { user, confirm_token: None }
}

fn account(user: i64) -> UserFacts {
    UserFacts {
        user_id: UserId(user),
        email: format!("user{user}@example.com"),
        first_name: "Leyla".into(),
        last_name: "Aziz".into(),
        phone: Some("+961 70 123456".into()),
        email_confirmed: true,
        version: 1,
    }
}

fn facts(user: i64, order: i64) -> OrderFacts {
    let facts = json!({
        "order_id": order, "number": format!("S-{order:08}"), "user_id": user,
        "items": [
            {"product_id": 1, "name": "Copper coffee pot", "unit_price": 34.5, "quantity": 2, "subtotal": 69},
            {"product_id": 2, "name": "Kilim <red & blue>", "unit_price": 1004.5, "quantity": 1, "subtotal": 1004.5},
        ],
        "total": 1073.5, "currency": "EUR", "note": "Parcel 0034",
    });
    serde_json::from_value(facts).unwrap()
}

fn failed(user: i64) -> PaymentFailed {
    let facts = json!({
        "payment_id": Uuid::now_v7(), "order_id": 42, "user_id": user, "amount": 1073.5, "currency": "EUR", "reason": "card_declined",
    });
    serde_json::from_value(facts).unwrap()
}

/// As the user module tells it.
#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
struct ConfirmationRequested {
    user_id: i64,
    email: String,
    confirm_token: String,
}

impl Event for ConfirmationRequested {
    const TYPE: &'static str = "user.confirmation_requested";
    fn subject(&self) -> String {
        self.user_id.to_string()
    }
    fn version(&self) -> i64 {
        1
    }
}

fn confirmation(user: i64) -> ConfirmationRequested {
    ConfirmationRequested { user_id: user, email: format!("new{user}@example.com"), confirm_token: "c2VzYW1l-open_1".into() }
}

fn envelope<E: Event>(event: &E) -> Envelope {
    Envelope::new(&anonymous(), event).unwrap()
}

async fn handle(client: &NotificationClient, event: &Envelope) -> Result<(), NotificationError> {
    client.handle(&event.ctx(MAX_DEADLINE), EventId(event.id), event.clone()).await
}

/// Tells an event, as its module would.
async fn publish<E: Event>(client: &NotificationClient, event: E) {
    handle(client, &envelope(&event)).await.unwrap();
}

/// Looks until there is something to see.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn entries(client: &NotificationClient, query: ListAllNotifications) -> Vec<NotificationEntry> {
    client.list_all(&admin(), ListAllNotifications { per_page: Some(100), ..query }).await.unwrap().notifications
}

/// The notifications of a user, when none of them is queued any more.
async fn settled(client: &NotificationClient, user: i64, count: usize) -> Vec<NotificationEntry> {
    let query = ListAllNotifications { user_id: Some(UserId(user)), ..Default::default() };
    let is_settled =
        |all: &Vec<NotificationEntry>| all.len() == count && all.iter().all(|entry| entry.status != NotificationStatus::Queued);
    until("settled", async || Some(entries(client, query.clone()).await).filter(is_settled)).await
}

async fn only(client: &NotificationClient) -> NotificationEntry {
    let mut all = entries(client, ListAllNotifications::default()).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn code(e: &NotificationError) -> Code {
    match e {
        NotificationError::Fault(fault) => fault.code(),
        other => panic!("{other}"),
    }
}

async fn every_event_leads_to_its_message(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    publish(&client, OrderPaid(facts(LEYLA, 2))).await;
    publish(&client, OrderShipped(facts(LEYLA, 3))).await;
    publish(&client, OrderDelivered(facts(LEYLA, 4))).await;
    publish(&client, OrderCancelled(facts(LEYLA, 5))).await;
    publish(&client, OrderRefunded(facts(LEYLA, 6))).await;
    publish(&client, failed(LEYLA)).await;
    publish(&client, confirmation(LEYLA)).await;

    let entries = settled(&client, LEYLA, 11).await;
    assert!(entries.iter().all(|entry| entry.status == NotificationStatus::Sent), "{entries:?}");
    let of = |channel| -> BTreeSet<NotificationKind> {
        entries.iter().filter(|entry| entry.channel == channel).map(|entry| entry.kind).collect()
    };
    let for_users = NotificationKind::ALL.iter().copied().filter(|kind| kind.is_for_users());
    assert_eq!(of(NotificationChannel::Email), for_users.collect());
    assert_eq!(of(NotificationChannel::Sms), [NotificationKind::OrderShipped, NotificationKind::OrderDelivered].into());

    let mut subjects: Vec<String> = f.mail.mails().iter().map(|mail| mail.header("Subject")).collect();
    subjects.sort();
    let expected = [
        "Confirm your address at Souk",
        "The money of your order S-00000006 is on its way back",
        "We have received your order S-00000001",
        "We have received your payment of order S-00000002",
        "Welcome to Souk",
        "Your order S-00000003 is on its way",
        "Your order S-00000004 has arrived",
        "Your order S-00000005 was cancelled",
        "Your payment was not accepted",
    ];
    assert_eq!(subjects, expected);
    let mut sms: Vec<String> = f.sms.asked().iter().map(|sms| sms.body["body"].as_str().unwrap().to_owned()).collect();
    sms.sort();
    assert_eq!(
        sms,
        ["Souk: Your order S-00000003 is on its way. Parcel 0034", "Souk: Your order S-00000004 has been delivered."]
    );
}

async fn a_repeated_event_is_sent_once(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    let placed = envelope(&OrderPlaced(facts(LEYLA, 1)));
    let all = tokio::join!(handle(&client, &placed), handle(&client, &placed), handle(&client, &placed));
    assert_eq!(all, (Ok(()), Ok(()), Ok(())));
    settled(&client, LEYLA, 2).await;
    // long after it was sent
    handle(&client, &placed).await.unwrap();
    assert_eq!(settled(&client, LEYLA, 2).await.len(), 2);
    assert_eq!(f.mail.mails().len(), 2);
    // through a listener
    let listener = client.listener().unwrap();
    assert!(listener.types().contains(&OrderPlaced::TYPE) && listener.types().len() == 11);
    listener.handle(placed).await.unwrap();
    assert_eq!(settled(&client, LEYLA, 2).await.len(), 2);
}

async fn a_repeated_event_after_a_change_of_preferences_adds_nothing(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    let placed = envelope(&OrderPlaced(facts(LEYLA, 1)));
    handle(&client, &placed).await.unwrap();
    let before = settled(&client, LEYLA, 2).await;
    let by_sms = [(NotificationKind::OrderPlaced, ChannelChoice { email: true, sms: true })];
    let chosen = NotificationPreferences { locale: Some("de".into()), kinds: by_sms.into() };
    client.change_preferences(&customer(LEYLA), UserId(LEYLA), chosen).await.unwrap();
    handle(&client, &placed).await.unwrap();
    assert_eq!(settled(&client, LEYLA, 2).await, before);
    assert!(f.sms.asked().is_empty());
}

async fn users_choose_kinds_and_channels(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let me = customer(LEYLA);
    let usual = client.preferences(&me, UserId(LEYLA)).await.unwrap();
    assert_eq!(usual.locale, None);
    let for_users = NotificationKind::ALL.iter().filter(|kind| kind.is_for_users());
    assert!(usual.kinds.keys().eq(for_users), "{usual:?}");
    assert_eq!(usual.kinds[&NotificationKind::OrderPlaced], ChannelChoice { email: true, sms: false });
    assert_eq!(usual.kinds[&NotificationKind::OrderShipped], ChannelChoice { email: true, sms: true });

    let kinds = [
        (NotificationKind::OrderPlaced, ChannelChoice { email: false, sms: true }),
        (NotificationKind::OrderPaid, ChannelChoice { email: false, sms: false }),
    ];
    let chosen = NotificationPreferences { locale: Some("de-AT".into()), kinds: kinds.into() };
    let all = client.change_preferences(&me, UserId(LEYLA), chosen).await.unwrap();
    assert_eq!(all, client.preferences(&me, UserId(LEYLA)).await.unwrap());
    assert_eq!(all.kinds[&NotificationKind::OrderShipped], usual.kinds[&NotificationKind::OrderShipped]);
    assert_eq!(all.kinds[&NotificationKind::OrderPlaced], ChannelChoice { email: false, sms: true });

    publish(&client, registered(LEYLA)).await;
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    publish(&client, OrderPaid(facts(LEYLA, 1))).await;
    let entries = settled(&client, LEYLA, 2).await;
    assert!(entries.iter().all(|entry| entry.locale == "de"), "{entries:?}");
    assert_eq!(f.mail.mails().iter().map(|mail| mail.header("Subject")).collect::<Vec<_>>(), ["Willkommen bei Souk"]);
    let sms = &f.sms.asked()[0].body["body"];
    assert_eq!(sms, "Souk: Ihre Bestellung S-00000001 (1.073,50\u{a0}EUR) ist eingegangen.".replace('\u{a0}', " ").as_str());

    // what was chosen before is replaced as a whole
    let all = client.change_preferences(&me, UserId(LEYLA), NotificationPreferences::default()).await.unwrap();
    assert_eq!(all, usual);
    // what proves an address cannot be turned off
    let off = [(NotificationKind::ConfirmationRequested, ChannelChoice { email: false, sms: true })];
    let off = NotificationPreferences { locale: None, kinds: off.into() };
    let all = client.change_preferences(&me, UserId(LEYLA), off).await.unwrap();
    assert_eq!(all, usual);
    // of somebody without a phone number nothing is sent there
    let unreachable = UserFacts { phone: Some("call me".into()), ..account(8) };
    publish(&client, registration_of(unreachable)).await;
    publish(&client, OrderShipped(facts(8, 2))).await;
    assert_eq!(settled(&client, 8, 2).await.len(), 2);
}

async fn an_unknown_user_is_written_to_once_known(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    let entry = until("an attempt", async || Some(only(&client).await).filter(|entry| entry.attempts > 0)).await;
    assert_eq!(entry.last_error.as_deref(), Some("The address of the user is not known yet"));
    assert_eq!((entry.status, entry.recipient), (NotificationStatus::Queued, None));

    publish(&client, registered(LEYLA)).await;
    let entries = settled(&client, LEYLA, 2).await;
    assert!(entries.iter().all(|entry| entry.status == NotificationStatus::Sent && entry.last_error.is_none()), "{entries:?}");
    assert!(entries.iter().all(|entry| entry.recipient.as_deref() == Some("user7@example.com")));
    let placed = entries.iter().find(|entry| entry.kind == NotificationKind::OrderPlaced).unwrap();
    // the name was not known when it was written
    assert!(client.get(&admin(), placed.id).await.unwrap().text.starts_with("Hello,\n"));
}

async fn an_older_address_does_not_replace_a_newer_one(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let changed = |email: &str| {
        envelope(&UserChanged(UserFacts { email: email.into(), email_confirmed: false, version: 0, ..account(LEYLA) }))
    };
    let (first, second, third) = (changed("one@example.com"), changed("two@example.com"), changed("three@example.com"));
    let mut late = envelope(&registered(LEYLA));
    late.time = first.time - kernel::chrono::TimeDelta::microseconds(1);
    // of a release that knew no versions
    late.aggregateversion = 0;
    for event in [&second, &first, &third, &late, &second] {
        handle(&client, event).await.unwrap();
    }
    let entries = settled(&client, LEYLA, 1).await;
    assert_eq!(entries[0].kind, NotificationKind::UserRegistered);
    assert_eq!(f.mail.mails()[0].to, ["three@example.com"]);
}

async fn the_version_decides_which_address_is_newer(client: NotificationClient, f: &Fixture) {
    let changed = |version: i64, email: &str| {
        let email = format!("{email}@example.com");
        envelope(&UserChanged(UserFacts { email, email_confirmed: false, version, ..account(LEYLA) }))
    };
    // the clocks of the publishers differ
    let (mut third, mut second) = (changed(3, "three"), changed(2, "two"));
    let hour = kernel::chrono::TimeDelta::hours(1);
    (third.time, second.time) = (third.time - hour, second.time + hour);
    let mut first = envelope(&registered(LEYLA));
    first.time += hour;
    for event in [&second, &third, &second, &first] {
        handle(&client, event).await.unwrap();
    }
    f.mail.open();
    settled(&client, LEYLA, 1).await;
    assert_eq!(f.mail.mails()[0].to, ["three@example.com"]);

    // published by an older release that runs concurrently: only the time decides
    let mut unversioned = changed(0, "four");
    unversioned.time = third.time + hour;
    let mut older = changed(0, "none");
    older.time = third.time - hour;
    for event in [&unversioned, &older] {
        handle(&client, event).await.unwrap();
    }
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    settled(&client, LEYLA, 2).await;
    assert_eq!(f.mail.mails()[1].to, ["four@example.com"]);
}

async fn text_typed_by_a_stranger_is_not_mailed(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let trap = "You won, see www.example.com";
    let typed = |reason| OrderCancelled(OrderFacts { note: Some(trap.into()), reason, ..facts(LEYLA, 1) });
    // of a user who is not known yet nothing is known to be confirmed
    publish(&client, typed(Some(CancelReason::Customer))).await;
    let stranger = UserFacts { first_name: trap.into(), last_name: trap.into(), email_confirmed: false, ..account(LEYLA) };
    publish(&client, UserRegistered { user: stranger, confirm_token: Some("c2VzYW1l".into()) }).await;
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    publish(&client, typed(Some(CancelReason::Customer))).await;
    publish(&client, typed(None)).await;
    publish(&client, OrderShipped(facts(LEYLA, 1))).await;
    settled(&client, LEYLA, 7).await;
    let (mails, sms) = (f.mail.mails(), f.sms.asked());
    assert_eq!((mails.len(), sms.len()), (6, 1));
    for mail in &mails {
        assert!(!mail.data.contains("You won") && !mail.data.contains("example.com/"), "{}", mail.data);
        assert!(["user7@example.com", "<user7@example.com>"].contains(&mail.header("To").as_str()), "{}", mail.header("To"));
    }
    assert!(!sms[0].body.to_string().contains("won"));
    // text written by the shop is mailed
    assert!(mails.iter().any(|mail| mail.data.contains("Parcel 0034")));
    publish(&client, typed(Some(CancelReason::Shop))).await;
    settled(&client, LEYLA, 8).await;
    assert!(f.mail.mails()[6].data.contains("won"));

    // the address is confirmed: the mail contains the name
    publish(&client, UserChanged(UserFacts { version: 2, ..account(LEYLA) })).await;
    publish(&client, OrderPlaced(facts(LEYLA, 2))).await;
    settled(&client, LEYLA, 9).await;
    let mail = f.mail.mails().pop().unwrap();
    assert!(mail.data.contains("Hello Leyla,") && mail.header("To").contains("Leyla Aziz"), "{}", mail.data);

    // an address that is not confirmed: no mail with the name goes there
    f.mail.set(Behavior::IsBusy);
    publish(&client, OrderPlaced(facts(LEYLA, 3))).await;
    let victim = UserFacts { email: "victim@example.com".into(), email_confirmed: false, version: 3, ..account(LEYLA) };
    publish(&client, UserChanged(victim)).await;
    f.mail.set(Behavior::Takes);
    let all = settled(&client, LEYLA, 10).await;
    assert!(f.mail.mails().iter().all(|mail| mail.to != ["victim@example.com"]), "{all:?}");
}

async fn a_token_is_mailed_and_never_shown(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, confirmation(LEYLA)).await;
    let user = UserFacts { email_confirmed: false, ..account(LEYLA) };
    let welcome = UserRegistered { user, confirm_token: Some("b3Blbg".into()) };
    publish(&client, welcome).await;
    let entries = settled(&client, LEYLA, 2).await;
    for (to, token) in [("new7@example.com", "c2VzYW1l-open_1"), ("user7@example.com", "b3Blbg")] {
        let mails = f.mail.mails();
        let mail = mails.iter().find(|mail| mail.to == [to]).unwrap();
        // long lines are folded
        let data = mail.data.replace("=\r\n", "");
        let (text, html) = data.split_once("text/html").unwrap();
        assert!(text.contains(token) && html.contains(token), "{}", mail.data);
    }
    let own = client.list(&customer(LEYLA), UserId(LEYLA), ListNotifications::default()).await.unwrap();
    let mut shown = serde_json::to_string(&own).unwrap();
    for entry in &entries {
        shown += &serde_json::to_string(&client.get(&admin(), entry.id).await.unwrap()).unwrap();
    }
    assert!(!shown.contains("c2VzYW1l") && !shown.contains("b3Blbg") && shown.contains("••••••••"), "{shown}");
    // a resend goes to the address that it confirms
    let welcome = entries.iter().find(|entry| entry.kind == NotificationKind::UserRegistered).unwrap();
    let other = UserFacts { email: "other@example.com".into(), email_confirmed: false, version: 2, ..account(LEYLA) };
    publish(&client, UserChanged(other)).await;
    client.resend(&admin(), welcome.id).await.unwrap();
    until("a third mail", async || (f.mail.mails().len() == 3).then_some(())).await;
    assert_eq!(f.mail.mails()[2].to, ["user7@example.com"]);
}

async fn an_international_address_is_written_to(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    for (user, email) in [(1, "a@müller.de"), (2, "löwe@example.com"), (3, ".a@example.com")] {
        publish(&client, registration_of(UserFacts { email: email.into(), ..account(user) })).await;
    }
    assert_eq!(settled(&client, 1, 1).await[0].status, NotificationStatus::Sent);
    assert_eq!(f.mail.mails()[0].to, ["a@xn--mller-kva.de"]);
    // this server accepts only ASCII before the @, and the third address is invalid
    for (user, why) in [(2, "SMTPUTF8"), (3, "cannot be written to")] {
        let entry = settled(&client, user, 1).await.remove(0);
        assert_eq!(entry.status, NotificationStatus::Failed);
        assert!(entry.last_error.as_ref().unwrap().contains(why), "{entry:?}");
    }
}

async fn a_mail_arrives_once_and_whole(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let evil = registration_of(UserFacts { first_name: "Leyla\r\nBcc: eve@example.com".into(), ..account(LEYLA) });
    publish(&client, evil).await;
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    let entries = settled(&client, LEYLA, 2).await;
    let placed = entries.iter().find(|entry| entry.kind == NotificationKind::OrderPlaced).unwrap();
    assert!(placed.sent_at.is_some() && placed.attempts == 0 && placed.last_error.is_none(), "{placed:?}");

    let mails = f.mail.mails();
    assert_eq!(mails.len(), 2);
    let mail = mails.iter().find(|mail| mail.header("Subject").contains("S-00000001")).unwrap();
    assert_eq!(mail.to, ["user7@example.com"]);
    assert_eq!(mail.header("Message-ID"), format!("<{}@souk.test>", placed.id));
    assert_eq!(mail.header("From"), "Souk <shop@souk.test>");
    assert!(mail.header("To").contains("<user7@example.com>"));
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"));
    assert!(mail.data.contains("Content-Type: text/plain") && mail.data.contains("Content-Type: text/html"));
    for mail in &mails {
        let headers = mail.data.split("\r\n\r\n").next().unwrap();
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
    }
    let record = client.get(&admin(), placed.id).await.unwrap();
    assert_eq!(&record.notification, placed);
    assert!(record.text.contains("2 × Copper coffee pot: 69.00\u{a0}EUR") && record.text.contains("Total: 1,073.50\u{a0}EUR"));
    assert!(record.html.unwrap().contains("Kilim &lt;red &amp; blue&gt;"));
}

async fn a_server_that_is_down_loses_nothing(client: NotificationClient, f: &Fixture) {
    for user in 1..=30 {
        publish(&client, registered(user)).await;
    }
    let queued = ListAllNotifications { status: Some(NotificationStatus::Queued), ..Default::default() };
    // longer than all attempts of one message would take
    let down = Instant::now();
    until("down for a while", async || {
        let tried = entries(&client, queued.clone()).await.into_iter().filter(|entry| entry.last_error.is_some()).count();
        (tried >= 3 && down.elapsed() > Duration::from_millis(1_500)).then_some(())
    })
    .await;
    let waiting = entries(&client, queued).await;
    assert_eq!(waiting.len(), 30);
    assert!(waiting.iter().all(|entry| entry.attempts == 0), "{waiting:?}");
    assert!(waiting.iter().flat_map(|entry| &entry.last_error).all(|why| why.contains("cannot be reached")));

    f.mail.open();
    until("all mails", async || (f.mail.mails().len() >= 30).then_some(())).await;
    for user in 1..=30 {
        let entry = settled(&client, user, 1).await.remove(0);
        assert_eq!((entry.status, entry.attempts), (NotificationStatus::Sent, 0), "{entry:?}");
    }
    let to: BTreeSet<String> = f.mail.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!((f.mail.mails().len(), to.len()), (30, 30));
    // connections are used again
    assert!(f.mail.connections() < 30, "{}", f.mail.connections());
}

async fn a_server_that_closes_or_hangs_loses_nothing(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    nothing_is_lost(&client, f, Behavior::IsClosing, "421 closing").await;
    // the other one is for an instance that does not wait for seconds
    f.stop.end(Duration::from_secs(10)).await;
    let smtp = Smtp { timeout_ms: 500, ..f.config.smtp.clone() };
    let jobs = Jobs::default();
    let _ends = jobs.stopping().clone().drop_guard();
    started(&Config { smtp, ..f.config.clone() }, &jobs).await;
    nothing_is_lost(&client, f, Behavior::IsDeaf, "did not answer in time").await;
}

async fn nothing_is_lost(client: &NotificationClient, f: &Fixture, behavior: Behavior, why: &str) {
    f.mail.set(behavior);
    let before = f.mail.mails().len();
    let user = 1 + before as i64;
    publish(client, registered(user)).await;
    let tried = until("an attempt", async || {
        let query = ListAllNotifications { user_id: Some(UserId(user)), ..Default::default() };
        entries(client, query).await.into_iter().find(|entry| entry.last_error.is_some())
    })
    .await;
    assert!(tried.last_error.as_ref().unwrap().contains(why), "{tried:?}");
    assert_eq!((tried.status, tried.attempts), (NotificationStatus::Queued, 0), "{tried:?}");
    f.mail.set(Behavior::Takes);
    let entry = settled(client, user, 1).await.remove(0);
    assert_eq!((entry.status, entry.attempts), (NotificationStatus::Sent, 0), "{entry:?}");
    assert_eq!(f.mail.mails().len(), before + 1);
}

async fn a_mail_without_an_answer_uses_all_attempts(client: NotificationClient, f: &Fixture) {
    // sent by an instance that does not wait for minutes
    f.stop.end(Duration::from_secs(10)).await;
    let smtp = Smtp { data_timeout_ms: 300, ..f.config.smtp.clone() };
    let jobs = Jobs::default();
    let _ends = jobs.stopping().clone().drop_guard();
    started(&Config { smtp, ..f.config.clone() }, &jobs).await;
    four_copies_at_most(&client, f, Behavior::IsSilent, "did not answer in time after the mail").await;
}

async fn a_mail_that_is_cut_off_uses_all_attempts(client: NotificationClient, f: &Fixture) {
    four_copies_at_most(&client, f, Behavior::HangsUp, "broke after the mail").await;
}

async fn four_copies_at_most(client: &NotificationClient, f: &Fixture, behavior: Behavior, why: &str) {
    f.mail.open();
    f.mail.set(behavior);
    publish(client, registered(LEYLA)).await;
    let entry = settled(client, LEYLA, 1).await.remove(0);
    assert_eq!((entry.status, entry.attempts), (NotificationStatus::Failed, 4), "{entry:?}");
    assert!(entry.last_error.as_ref().unwrap().contains(why), "{entry:?}");
    let copies: Vec<String> = f.mail.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    // by which they are recognised
    assert_eq!(copies, vec![format!("<{}@souk.test>", entry.id); 4]);
}

async fn a_transient_refusal_uses_all_attempts(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    f.mail.set(Behavior::IsBusy);
    publish(&client, registered(LEYLA)).await;
    let failed = settled(&client, LEYLA, 1).await.remove(0);
    // the first attempt, and one after each wait
    assert_eq!((failed.status, failed.attempts), (NotificationStatus::Failed, 4));
    assert_eq!(failed.last_error.as_deref(), Some("The mail server refused it: 450 the mailbox is busy"));
}

async fn a_resend_under_a_key_is_sent_once(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    let sent = settled(&client, LEYLA, 1).await.remove(0);
    let key = |key: &str| admin().with_key(key);
    let first = client.resend(&key("one"), sent.id).await.unwrap();
    assert_eq!(first.status, NotificationStatus::Queued);
    // whether it was sent meanwhile or not
    client.resend(&key("one"), sent.id).await.unwrap();
    until("the second mail", async || (f.mail.mails().len() == 2).then_some(())).await;
    settled(&client, LEYLA, 1).await;
    assert_eq!(client.resend(&key("one"), sent.id).await, Ok(first));
    assert_eq!(f.mail.mails().len(), 2);
    // of another notification
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    let placed = settled(&client, LEYLA, 2).await.into_iter().find(|entry| entry.id != sent.id).unwrap();
    assert_eq!(code(&client.resend(&key("one"), placed.id).await.unwrap_err()), Code::Unprocessable);
    settled(&client, LEYLA, 2).await;
    client.resend(&key("two"), sent.id).await.unwrap();
    until("the last mail", async || (f.mail.mails().len() == 4).then_some(())).await;
}

async fn a_permanent_refusal_fails_and_can_be_sent_again(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    f.mail.set(Behavior::Refuses);
    publish(&client, registered(LEYLA)).await;
    let failed = settled(&client, LEYLA, 1).await.remove(0);
    assert_eq!((failed.status, failed.attempts), (NotificationStatus::Failed, 1));
    // without the address, which this server repeats
    assert_eq!(failed.last_error.as_deref(), Some("The mail server refused it: 550 <***>: no such mailbox"));
    let query = ListAllNotifications { status: Some(NotificationStatus::Failed), ..Default::default() };
    assert_eq!(entries(&client, query).await, std::slice::from_ref(&failed));

    f.mail.set(Behavior::Takes);
    let queued = client.resend(&admin(), failed.id).await.unwrap();
    assert_eq!((queued.status, queued.attempts, queued.id), (NotificationStatus::Queued, 0, failed.id));
    let sent = settled(&client, LEYLA, 1).await.remove(0);
    assert_eq!((sent.status, sent.last_error), (NotificationStatus::Sent, None));
    assert_eq!(f.mail.mails().len(), 1);

    // one that was sent can be sent again: that is another mail
    client.resend(&admin(), failed.id).await.unwrap();
    until("the second mail", async || (f.mail.mails().len() == 2).then_some(())).await;
    let ids: BTreeSet<String> = f.mail.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    settled(&client, LEYLA, 1).await;

    f.mail.set(Behavior::IsClosing);
    client.resend(&admin(), failed.id).await.unwrap();
    assert_eq!(client.resend(&admin(), failed.id).await, Err(NotificationError::StillQueued));
    let nothing = NotificationId(Uuid::now_v7());
    assert_eq!(client.resend(&admin(), nothing).await, Err(NotificationError::NotFound));
    assert_eq!(client.get(&admin(), nothing).await, Err(NotificationError::NotFound));
}

async fn sms_go_to_the_provider(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let by_sms = |email| NotificationPreferences {
        locale: None,
        kinds: NotificationKind::ALL.iter().map(|kind| (*kind, ChannelChoice { email, sms: true })).collect(),
    };
    for user in 1..=3 {
        client.change_preferences(&customer(user), UserId(user), by_sms(false)).await.unwrap();
    }
    publish(&client, registered(1)).await;
    let sent = settled(&client, 1, 1).await.remove(0);
    assert_eq!((sent.status, sent.recipient.as_deref()), (NotificationStatus::Sent, Some("+96170123456")));
    let asked = f.sms.asked().remove(0);
    assert_eq!(asked.authorization.as_deref(), Some("Bearer sesame"));
    assert_eq!(asked.key, sent.id.to_string());
    assert_eq!(
        asked.body,
        json!({"recipient": "+96170123456", "body": "Souk: Welcome! Your account is open.", "sender": "Souk"})
    );

    // what the provider does not understand is not tried again
    f.sms.answer(400);
    publish(&client, registered(2)).await;
    let failed = settled(&client, 2, 1).await.remove(0);
    assert_eq!((failed.status, failed.attempts), (NotificationStatus::Failed, 1));
    assert!(failed.last_error.unwrap().contains("400"));
    assert_eq!(f.sms.asked().len(), 2);

    for busy in [429, 503] {
        f.sms.answer(busy);
        let before = f.sms.asked().len();
        publish(&client, OrderShipped(facts(3, i64::from(busy)))).await;
        if busy == 429 {
            // its user is not known yet, either
            publish(&client, registration_of(UserFacts { phone: Some("+49 30 1234567".into()), ..account(3) })).await;
        }
        until("a second attempt", async || (f.sms.asked().len() >= before + 2).then_some(())).await;
        f.sms.answer(200);
        let count = if busy == 429 { 2 } else { 3 };
        let entries = settled(&client, 3, count).await;
        assert!(entries.iter().all(|entry| entry.status == NotificationStatus::Sent), "{entries:?}");
    }
}

async fn two_instances_send_each_message_once(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let other = NotificationClient::local(started(&f.config, &f.stop).await.service);
    for user in 1..=20 {
        let event = envelope(&registered(user));
        let (here, there) = tokio::join!(handle(&client, &event), handle(&other, &event));
        assert_eq!((here, there), (Ok(()), Ok(())));
    }
    for user in 1..=20 {
        let entry = settled(&other, user, 1).await.remove(0);
        assert_eq!((entry.status, entry.attempts), (NotificationStatus::Sent, 0), "{entry:?}");
    }
    let ids: BTreeSet<String> = f.mail.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!((f.mail.mails().len(), ids.len()), (20, 20));
}

async fn lists_are_paged_and_filtered(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    publish(&client, registered(8)).await;
    for order in 1..=4 {
        publish(&client, OrderShipped(facts(LEYLA, order))).await;
    }
    settled(&client, LEYLA, 9).await;
    let me = customer(LEYLA);
    let list = async |query| client.list(&me, UserId(LEYLA), query).await.unwrap();
    let first = list(ListNotifications { per_page: Some(4), ..Default::default() }).await;
    assert_eq!((first.pagination.total, first.pagination.pages, first.unread), (9, 3, 9));
    let rest = list(ListNotifications { per_page: Some(4), page: Some(3), ..Default::default() }).await;
    assert_eq!((first.notifications.len(), rest.notifications.len()), (4, 1));
    // the newest first
    assert_eq!(rest.notifications[0].kind, NotificationKind::UserRegistered);
    let all = list(ListNotifications::default()).await.notifications;
    assert!(all.is_sorted_by(|a, b| a.id > b.id && a.created_at >= b.created_at));
    assert!(all.iter().all(|n| n.status == NotificationStatus::Sent && !n.text.is_empty()));

    let sms = list(ListNotifications { channel: Some(NotificationChannel::Sms), ..Default::default() }).await;
    assert_eq!((sms.pagination.total, sms.unread), (4, 9));
    let welcome = list(ListNotifications { kind: Some(NotificationKind::UserRegistered), ..Default::default() }).await;
    assert_eq!(welcome.pagination.total, 1);

    let all = ListAllNotifications { kind: Some(NotificationKind::UserRegistered), ..Default::default() };
    assert_eq!(entries(&client, all).await.len(), 2);
    let some = ListAllNotifications {
        user_id: Some(UserId(LEYLA)),
        channel: Some(NotificationChannel::Email),
        status: Some(NotificationStatus::Sent),
        ..Default::default()
    };
    assert_eq!(entries(&client, some).await.len(), 5);
    let none = ListAllNotifications { status: Some(NotificationStatus::Failed), ..Default::default() };
    assert_eq!(entries(&client, none).await, []);
}

async fn reading_is_recorded(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    publish(&client, OrderPaid(facts(LEYLA, 1))).await;
    let me = customer(LEYLA);
    let list = async |unread| client.list(&me, UserId(LEYLA), ListNotifications { unread, ..Default::default() }).await.unwrap();
    let id = list(None).await.notifications[0].id;
    client.mark_read(&me, UserId(LEYLA), id).await.unwrap();
    let read = list(Some(false)).await;
    assert_eq!((read.notifications[0].id, read.pagination.total, read.unread), (id, 1, 2));
    let at = read.notifications[0].read_at.unwrap();
    client.mark_read(&me, UserId(LEYLA), id).await.unwrap();
    assert_eq!(list(Some(false)).await.notifications[0].read_at, Some(at), "the first time counts");
    assert_eq!(list(Some(true)).await.notifications.len(), 2);

    client.mark_all_read(&me, UserId(LEYLA)).await.unwrap();
    let all = list(None).await;
    assert_eq!(all.unread, 0);
    assert!(all.notifications.iter().all(|n| n.read_at.is_some()));
    assert_eq!(all.notifications[0].read_at, Some(at));
    // what is sent meanwhile stays read
    let entries = settled(&client, LEYLA, 3).await;
    assert!(entries.iter().all(|entry| entry.read_at.is_some() && entry.status == NotificationStatus::Sent));
}

async fn only_admins_see_all(client: NotificationClient, _: &Fixture) {
    let id = NotificationId(Uuid::now_v7());
    let preview = || PreviewTemplate { kind: NotificationKind::OrderPaid, channel: NotificationChannel::Sms, locale: None };
    for (cx, expected) in [(anonymous(), Code::Unauthenticated), (customer(LEYLA), Code::PermissionDenied)] {
        let all = [
            client.list_all(&cx, ListAllNotifications::default()).await.map(drop),
            client.get(&cx, id).await.map(drop),
            client.resend(&cx, id).await.map(drop),
            client.preview(&cx, preview()).await.map(drop),
        ];
        for answer in all {
            assert_eq!(code(&answer.unwrap_err()), expected);
        }
    }
    let event = envelope(&registered(LEYLA));
    for cx in [admin(), anonymous().via("gateway"), anonymous().via("cart")] {
        let answer = client.handle(&cx, EventId(event.id), event.clone()).await;
        assert_eq!(code(&answer.unwrap_err()), Code::PermissionDenied);
    }
    assert_eq!(entries(&client, ListAllNotifications::default()).await, []);
    assert_eq!(client.mailbox(&anonymous()).await, Err(NotificationError::NoMailbox));
}

async fn users_see_only_their_own(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    publish(&client, registered(LEYLA)).await;
    publish(&client, registered(8)).await;
    let mine = client.list(&customer(LEYLA), UserId(LEYLA), ListNotifications::default()).await.unwrap().notifications;
    assert_eq!(mine.len(), 1);
    let stranger = customer(8);
    assert_eq!(client.mark_read(&stranger, UserId(8), mine[0].id).await, Err(NotificationError::NotFound));
    for answer in [
        client.list(&stranger, UserId(LEYLA), ListNotifications::default()).await.map(drop),
        client.mark_read(&stranger, UserId(LEYLA), mine[0].id).await,
        client.mark_all_read(&stranger, UserId(LEYLA)).await,
        client.preferences(&stranger, UserId(LEYLA)).await.map(drop),
        client.change_preferences(&stranger, UserId(LEYLA), NotificationPreferences::default()).await.map(drop),
    ] {
        assert_eq!(code(&answer.unwrap_err()), Code::PermissionDenied);
    }
    client.mark_all_read(&stranger, UserId(8)).await.unwrap();
    assert_eq!(client.list(&customer(LEYLA), UserId(LEYLA), ListNotifications::default()).await.unwrap().unread, 1);
}

async fn bad_input_names_the_field(client: NotificationClient, _: &Fixture) {
    let fields = |e: NotificationError| -> Vec<String> {
        assert_eq!(code(&e), Code::InvalidArgument);
        let NotificationError::Fault(fault) = e else { unreachable!("checked above") };
        fault.errors().iter().map(|e| e.pointer.clone()).collect()
    };
    let me = customer(LEYLA);
    for locale in ["", "d", "german", "de_DE", "de-", "de-toolongsubtag", "de\r\nx"] {
        let preferences = NotificationPreferences { locale: Some(locale.into()), ..Default::default() };
        let e = client.change_preferences(&me, UserId(LEYLA), preferences).await.unwrap_err();
        assert_eq!(fields(e), ["/locale"], "{locale:?}");
        let preview = PreviewTemplate {
            kind: NotificationKind::OrderPaid,
            channel: NotificationChannel::Email,
            locale: Some(locale.into()),
        };
        assert_eq!(fields(client.preview(&admin(), preview).await.unwrap_err()), ["/locale"], "{locale:?}");
    }
    let query = ListNotifications { page: Some(0), per_page: Some(101), ..Default::default() };
    assert_eq!(fields(client.list(&me, UserId(LEYLA), query).await.unwrap_err()), ["/page", "/per_page"]);
    let query = ListAllNotifications { user_id: Some(UserId(0)), per_page: Some(0), ..Default::default() };
    assert_eq!(fields(client.list_all(&admin(), query).await.unwrap_err()), ["/per_page", "/user_id"]);
    let event = envelope(&registered(LEYLA));
    let other = client.handle(&anonymous().via("user"), EventId(Uuid::now_v7()), event).await;
    assert_eq!(fields(other.unwrap_err()), ["/id"]);

    // what the types of this test cannot say
    for (body, pointer) in [
        (json!({"kinds": {"order.admired": {"email": true, "sms": true}}}), "/kinds"),
        (json!({"kinds": {"order.paid": {"email": "yes", "sms": true}}}), "/kinds/order.paid/email"),
        (json!({"kinds": {"order.paid": {"email": true}}}), "/kinds/order.paid"),
        (json!({"language": "de"}), "/language"),
    ] {
        let request = Incoming {
            params: Vec::new(),
            query: String::new(),
            body: Some(body.to_string().into()),
            upload: None,
            if_match: None,
            from_peer: false,
        };
        let fault = request.body::<NotificationPreferences>().unwrap_err();
        assert!(fault.errors()[0].pointer.starts_with(pointer), "{fault:?}");
    }
}

async fn templates_can_be_previewed(client: NotificationClient, _: &Fixture) {
    let preview = async |kind, channel, locale: Option<&str>| {
        client.preview(&admin(), PreviewTemplate { kind, channel, locale: locale.map(Into::into) }).await.unwrap()
    };
    let mail = preview(NotificationKind::OrderShipped, NotificationChannel::Email, Some("de-CH")).await;
    assert_eq!((mail.locale.as_str(), mail.subject.as_str()), ("de", "Ihre Bestellung S-00000042 ist unterwegs"));
    assert!(mail.text.contains("Kilim <red & blue>") && mail.html.unwrap().contains("lang=\"de\""));
    let sms = preview(NotificationKind::OrderShipped, NotificationChannel::Sms, Some("ja")).await;
    assert_eq!((sms.locale.as_str(), sms.html), ("en", None));
    for &kind in NotificationKind::ALL {
        let mail = preview(kind, NotificationChannel::Email, None).await;
        assert!(mail.text.starts_with("Hello Leyla,\n"), "{}", mail.text);
    }
}

async fn an_unreadable_event_is_a_fault(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let mut broken = envelope(&OrderPlaced(facts(LEYLA, 1)));
    broken.data = json!({"order_id": "none"});
    assert_eq!(code(&handle(&client, &broken).await.unwrap_err()), Code::Internal);
    // the listener returns the same fault, which is not retried for ever
    let fault: Fault = client.listener().unwrap().handle(broken).await.unwrap_err();
    assert_eq!(fault.code(), Code::Internal);
    // an event without a meaning for this module is acknowledged
    let mut other = envelope(&OrderPlaced(facts(LEYLA, 1)));
    other.r#type = "order.admired".into();
    handle(&client, &other).await.unwrap();
    assert_eq!(entries(&client, ListAllNotifications::default()).await, []);
}

async fn rows_of_a_newer_release_are_ignored(client: NotificationClient, f: &Fixture) {
    publish(&client, registered(LEYLA)).await;
    publish(&client, OrderPlaced(facts(LEYLA, 1))).await;
    publish(&client, OrderPaid(facts(LEYLA, 1))).await;
    let placed = ListAllNotifications { kind: Some(NotificationKind::OrderPlaced), ..Default::default() };
    let placed = entries(&client, placed).await.remove(0);
    let chosen = NotificationPreferences { locale: Some("de".into()), ..Default::default() };
    client.change_preferences(&customer(LEYLA), UserId(LEYLA), chosen).await.unwrap();
    let preferences = json!({"locale": "tlh", "theme": "dark", "kinds": {
        "order.admired": {"email": true, "sms": true, "push": true},
        "order.paid": {"email": false, "sms": false, "push": true},
    }});
    f.overwrite(&[
        ("notifications", "kind", "order.admired".into(), "kind", "order.placed".into()),
        ("preferences", "preferences", preferences.to_string(), "user_id", LEYLA.to_string()),
    ])
    .await;

    let own = client.list(&customer(LEYLA), UserId(LEYLA), ListNotifications::default()).await.unwrap();
    assert_eq!((own.notifications.len(), own.pagination.total, own.unread), (2, 2, 2));
    assert_eq!(entries(&client, ListAllNotifications::default()).await.len(), 2);
    assert_eq!(client.get(&admin(), placed.id).await, Err(NotificationError::NotFound));
    assert_eq!(client.resend(&admin(), placed.id).await, Err(NotificationError::NotFound));
    let chosen = client.preferences(&customer(LEYLA), UserId(LEYLA)).await.unwrap();
    assert_eq!(chosen.locale.as_deref(), Some("tlh"));
    assert_eq!(chosen.kinds[&NotificationKind::OrderPaid], ChannelChoice { email: false, sms: false });
    publish(&client, OrderPaid(facts(LEYLA, 2))).await;
    publish(&client, OrderCancelled(facts(LEYLA, 2))).await;
    f.mail.open();
    // it is left to the newer release
    settled(&client, LEYLA, 3).await;
    assert_eq!(f.mail.mails().len(), 3);
}

async fn an_attempt_without_a_recorded_outcome_counts(client: NotificationClient, f: &Fixture) {
    // recorded by an instance that sends nothing
    drop(client);
    f.stop.end(Duration::from_secs(10)).await;
    let client = NotificationClient::local(Notifications::open_and_migrate(&f.config).await.unwrap());
    for user in [1, 2] {
        publish(&client, registered(user)).await;
    }
    // the state after a process has died as often during an attempt
    f.overwrite(&[
        ("notifications", "claims", "3".into(), "user_id", "1".into()),
        ("notifications", "claims", "4".into(), "user_id", "2".into()),
    ])
    .await;
    f.mail.open();
    let jobs = Jobs::default();
    let _ends = jobs.stopping().clone().drop_guard();
    let client = NotificationClient::local(started(&f.config, &jobs).await.service);
    assert_eq!(settled(&client, 1, 1).await[0].status, NotificationStatus::Sent);
    let given_up = settled(&client, 2, 1).await.remove(0);
    assert_eq!((given_up.status, given_up.attempts), (NotificationStatus::Failed, 4));
    assert!(given_up.last_error.unwrap().contains("may have been sent"));
    assert_eq!(f.mail.mails().len(), 1);
}

fn low() -> StockLow {
    StockLow {
        variant_id: VariantId(8),
        product_id: ProductId(7),
        sku: Some("SHIRT-M".into()),
        name: "Shirt <M>".into(),
        available: 4,
        low_at: 5,
        version: 9,
    }
}

/// The mail to the shop itself, when none is queued any more.
async fn to_the_shop(client: &NotificationClient, count: usize) -> Vec<NotificationEntry> {
    let query = ListAllNotifications { kind: Some(NotificationKind::StockLow), ..Default::default() };
    let is_settled =
        |all: &Vec<NotificationEntry>| all.len() == count && all.iter().all(|entry| entry.status != NotificationStatus::Queued);
    until("settled", async || Some(entries(client, query.clone()).await).filter(is_settled)).await
}

async fn stock_that_is_low_is_mailed_to_the_shop_once(client: NotificationClient, f: &Fixture) {
    f.mail.open();
    let event = envelope(&low());
    for _ in 0..3 {
        handle(&client, &event).await.unwrap();
    }
    let sent = to_the_shop(&client, 1).await;
    assert_eq!((sent[0].kind, sent[0].channel), (NotificationKind::StockLow, NotificationChannel::Email));
    assert_eq!((sent[0].status, sent[0].recipient.as_deref()), (NotificationStatus::Sent, Some("stock@souk.test")));
    let mails = f.mail.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let record = client.get(&admin(), sent[0].id).await.unwrap();
    assert!(record.text.contains("Shirt <M>, SKU SHIRT-M, is low: 4 can be sold, and the threshold is 5"), "{}", record.text);
    assert!(record.html.unwrap().contains("Shirt &lt;M&gt;"));
    // the next time it becomes low there is another one, and an admin may send it again
    publish(&client, low()).await;
    to_the_shop(&client, 2).await;
    client.resend(&admin(), sent[0].id).await.unwrap();
    until("sent again", async || (f.mail.mails().len() == 3).then_some(())).await;
    // it is nothing that users choose
    let shown = client.preferences(&customer(LEYLA), UserId(LEYLA)).await.unwrap();
    assert!(!shown.kinds.contains_key(&NotificationKind::StockLow));
    let choice = ChannelChoice { email: false, sms: false };
    let kinds = [(NotificationKind::StockLow, choice)].into();
    let preferences = NotificationPreferences { kinds, ..NotificationPreferences::default() };
    let shown = client.change_preferences(&customer(LEYLA), UserId(LEYLA), preferences).await.unwrap();
    assert!(!shown.kinds.contains_key(&NotificationKind::StockLow));
}

async fn nobody_is_told_of_stock_without_the_setting(client: NotificationClient, _: &Stores) {
    publish(&client, low()).await;
    assert_eq!(entries(&client, ListAllNotifications::default()).await, []);
}

async fn the_mailbox_shows_unsent_messages(client: NotificationClient, _: &Stores) {
    assert_eq!(client.mailbox(&anonymous()).await.unwrap().messages, []);
    publish(&client, registered(LEYLA)).await;
    settled(&client, LEYLA, 1).await;
    publish(&client, OrderShipped(facts(LEYLA, 1))).await;
    settled(&client, LEYLA, 3).await;
    let messages = client.mailbox(&anonymous()).await.unwrap().messages;
    let seen: BTreeSet<_> = messages.iter().map(|m| (m.kind, m.channel, m.to.as_str(), m.html.is_some())).collect();
    let expected = [
        (NotificationKind::UserRegistered, NotificationChannel::Email, "user7@example.com", true),
        (NotificationKind::OrderShipped, NotificationChannel::Email, "user7@example.com", true),
        (NotificationKind::OrderShipped, NotificationChannel::Sms, "+96170123456", false),
    ];
    assert_eq!(seen, expected.into());
    assert_eq!(messages[2].subject, "Welcome to Souk", "the newest first");

    for user in 100..250 {
        publish(&client, registered(user)).await;
    }
    settled(&client, 249, 1).await;
    until("the last one", async || {
        let messages = client.mailbox(&anonymous()).await.unwrap().messages;
        messages.iter().any(|message| message.to == "user249@example.com").then_some(messages.len())
    })
    .await;
    assert_eq!(client.mailbox(&anonymous()).await.unwrap().messages.len(), 100);
}

#[tokio::test]
async fn a_channel_that_is_off_records_nothing() {
    let stores = Stores::embedded();
    let database_url = stores.database("notification").await;
    let config = Config { database_url, mail: MailTransport::Off, sms: SmsTransport::Off, ..Config::default() };
    let client = NotificationClient::local(started(&config, &Jobs::default()).await.service);
    publish(&client, registered(LEYLA)).await;
    publish(&client, OrderShipped(facts(LEYLA, 1))).await;
    assert_eq!(entries(&client, ListAllNotifications::default()).await, []);
    assert_eq!(client.mailbox(&anonymous()).await, Err(NotificationError::NoMailbox));
}

#[tokio::test]
async fn nothing_is_said_in_plain_text_and_a_wrong_password_is_not_the_messages_fault() {
    let stores = Stores::embedded();
    let database_url = stores.database("notification").await;
    let server = MailServer::closed();
    server.open();
    let smtp = |password: &str, tls| Smtp {
        host: "127.0.0.1".into(),
        port: server.port,
        username: "leyla".into(),
        password: password.into(),
        tls,
        ..Smtp::default()
    };
    let start = async |smtp| {
        let config = Config { database_url: database_url.clone(), mail: MailTransport::Smtp, smtp, ..Config::default() };
        let stop = Jobs::default();
        (NotificationClient::local(started(&config, &stop).await.service), stop.stopping().clone().drop_guard())
    };
    // the server offers no encryption, which was asked for
    let (client, guard) = start(smtp("sesame", Tls::Starttls)).await;
    publish(&client, registered(LEYLA)).await;
    let tried = until("an attempt", async || Some(only(&client).await).filter(|entry| entry.last_error.is_some())).await;
    assert!(tried.last_error.as_ref().unwrap().contains("STARTTLS"), "{tried:?}");
    assert!(server.heard("EHLO") && !server.heard("AUTH") && !server.heard("MAIL"));
    drop(guard);

    let (client, guard) = start(smtp("wrong", Tls::None)).await;
    let tried = until("an attempt", async || {
        Some(only(&client).await).filter(|entry| entry.last_error.as_ref().is_some_and(|why| why.contains("535")))
    })
    .await;
    assert_eq!((tried.status, tried.attempts), (NotificationStatus::Queued, 0));
    assert!(!server.heard("MAIL"));
    drop(guard);

    let (client, _guard) = start(smtp("sesame", Tls::None)).await;
    assert_eq!(settled(&client, LEYLA, 1).await[0].status, NotificationStatus::Sent);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_slow_message_holds_up_nothing_else() {
    let stores = Stores::embedded();
    let database_url = stores.database("notification").await;
    let server = MailServer::closed();
    server.open();
    server.set(Behavior::IsSilentFor("user1@example.com"));
    let smtp = Smtp { host: "127.0.0.1".into(), port: server.port, tls: Tls::None, ..Smtp::default() };
    let config = Config { database_url, mail: MailTransport::Smtp, smtp, sends_at_once: 2, ..Config::default() };
    let jobs = Jobs::default();
    let _ends = jobs.stopping().clone().drop_guard();
    let client = NotificationClient::local(started(&config, &jobs).await.service);
    publish(&client, registered(1)).await;
    until("the slow one", async || (server.mails().len() == 1).then_some(())).await;
    for user in 2..=12 {
        publish(&client, registered(user)).await;
    }
    for user in 2..=12 {
        assert_eq!(settled(&client, user, 1).await[0].status, NotificationStatus::Sent);
    }
    let query = ListAllNotifications { user_id: Some(UserId(1)), ..Default::default() };
    let slow = entries(&client, query).await.remove(0);
    assert_eq!((slow.status, slow.attempts, slow.last_error), (NotificationStatus::Queued, 0, None));
    assert_eq!(server.mails().len(), 12);
}

#[tokio::test]
async fn an_sms_that_may_have_been_sent_is_sent_as_often_as_there_are_attempts() {
    let stores = Stores::embedded();
    let database_url = stores.database("notification").await;
    let provider = SmsProvider::start();
    provider.say_nothing();
    let sms_http = SmsHttp { url: provider.url.clone(), timeout_ms: 100, ..SmsHttp::default() };
    let retry_ms = vec![50, 100];
    let config =
        Config { database_url, mail: MailTransport::Off, sms: SmsTransport::Http, sms_http, retry_ms, ..Config::default() };
    let jobs = Jobs::default();
    let _ends = jobs.stopping().clone().drop_guard();
    let client = NotificationClient::local(started(&config, &jobs).await.service);
    publish(&client, registered(LEYLA)).await;
    publish(&client, OrderShipped(facts(LEYLA, 1))).await;
    let failed = settled(&client, LEYLA, 1).await.remove(0);
    assert_eq!((failed.status, failed.attempts), (NotificationStatus::Failed, 3));
    let keys: Vec<String> = provider.asked().into_iter().map(|sms| sms.key).collect();
    assert_eq!(keys, vec![failed.id.to_string(); 3]);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let stores = Stores::embedded();
    let database_url = stores.database("notification").await;
    let good = Config { database_url, ..Config::default() };
    let error = async |config: Config| {
        module::start::<Notifications>(&config, (), false, &Jobs::default()).await.err().expect("invalid").to_string()
    };
    let sms_http = SmsHttp { url: "ftp://x".into(), ..SmsHttp::default() };
    let e = error(Config { sms: SmsTransport::Http, sms_http, ..good.clone() }).await;
    assert!(e.contains("notification.sms_http.url"), "{e}");
    let e = error(Config { sends_at_once: 0, ..good.clone() }).await;
    assert!(e.contains("notification.sends_at_once"), "{e}");
    let e = error(Config { database_url: "redis://localhost".into(), ..good.clone() }).await;
    assert!(e.contains("sqlite://"), "{e}");
    let e = error(Config { database_url: "mongodb://localhost".into(), ..good }).await;
    assert!(e.contains("notification.database_url must name a database"), "{e}");
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn old_notifications_expire_in_mongodb() {
    let stores = Stores::servers();
    let url = mongodb_url(&stores);
    let _gone_afterwards = Mongo(url.clone());
    let ttl = async |history_days| {
        let config = Config { database_url: url.clone(), history_days, ..Config::default() };
        module::migrate::<Notifications>(&config).await.unwrap();
        let mut indexes = database(&url).await.collection::<()>("notifications").list_indexes().await.unwrap();
        let mut names = BTreeSet::new();
        let mut expiry = None;
        while indexes.advance().await.unwrap() {
            let options = indexes.deserialize_current().unwrap().options.unwrap();
            expiry = expiry.or(options.expire_after);
            names.insert(options.name.unwrap());
        }
        for name in ["by_event", "by_user", "by_due", "by_status"] {
            assert!(names.contains(name), "{names:?}");
        }
        expiry.map(|expiry| expiry.as_secs() / 86_400)
    };
    assert_eq!(ttl(30).await, Some(30));
    assert_eq!(ttl(30).await, Some(30));
    // another setting at a later start
    assert_eq!(ttl(90).await, Some(90));
    assert_eq!(ttl(0).await, None);
    assert_eq!(ttl(7).await, Some(7));
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn an_event_that_was_cut_off_in_mongodb_is_finished_as_it_was_begun() {
    use ::mongodb::bson::{Document, doc};
    let stores = Stores::servers();
    let url = mongodb_url(&stores);
    let _gone_afterwards = Mongo(url.clone());
    let config = Config { database_url: url.clone(), ..Config::default() };
    let client = NotificationClient::local(Notifications::open_and_migrate(&config).await.unwrap());
    let shipped = envelope(&OrderShipped(facts(LEYLA, 1)));
    let database = database(&url).await;
    let (inbox, kept) = (database.collection::<Document>("inbox"), database.collection::<Document>("notifications"));
    handle(&client, &shipped).await.unwrap();
    let all = entries(&client, ListAllNotifications::default()).await;
    assert_eq!(all.len(), 2);
    let rows: Vec<Document> = {
        let mut found = kept.find(doc! {}).await.unwrap();
        let mut rows = Vec::new();
        while found.advance().await.unwrap() {
            rows.push(found.deserialize_current().unwrap());
        }
        rows
    };
    let none = NotificationPreferences {
        locale: Some("de".into()),
        kinds: [(NotificationKind::OrderShipped, ChannelChoice { email: false, sms: false })].into(),
    };
    client.change_preferences(&customer(LEYLA), UserId(LEYLA), none).await.unwrap();
    // cut off after the first step, after one of the rows, and before the note that it is done
    for missing in [doc! {}, doc! {"channel": "sms"}, doc! {"channel": "none"}] {
        kept.delete_many(missing).await.unwrap();
        let undone = doc! {"$set": {"is_done": false, "rows": rows.clone()}};
        assert_eq!(inbox.update_one(doc! {"_id": shipped.id.to_string()}, undone).await.unwrap().matched_count, 1);
        handle(&client, &shipped).await.unwrap();
        assert_eq!(entries(&client, ListAllNotifications::default()).await, all);
        let done = inbox.find_one(doc! {"_id": shipped.id.to_string()}).await.unwrap().unwrap();
        assert!(done.get_bool("is_done").unwrap() && done.get_array("rows").unwrap().is_empty());
    }
    // once it is done nothing comes back
    kept.delete_many(doc! {}).await.unwrap();
    handle(&client, &shipped).await.unwrap();
    assert_eq!(entries(&client, ListAllNotifications::default()).await, []);
    let mut indexes = inbox.list_indexes().await.unwrap();
    let mut expiry = None;
    while indexes.advance().await.unwrap() {
        expiry = expiry.or(indexes.deserialize_current().unwrap().options.unwrap().expire_after);
    }
    assert_eq!(expiry, Some(Duration::from_secs(30 * 86_400)));
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_mongodb_that_is_away_is_unavailable() {
    let stores = Stores::servers();
    let url = mongodb_url(&stores);
    let _gone_afterwards = Mongo(url.clone());
    // between the module and the server, so that it can be cut
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = url.split("://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let relay = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let host = host.clone();
            connections.spawn(async move {
                let mut far = tokio::net::TcpStream::connect(host).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    let mut config = Config { database_url: format!("mongodb://127.0.0.1:{port}/{}", stores.name()), ..Config::default() };
    config.pool.acquire_timeout_ms = 300;
    let Started { service, store } = started(&config, &Jobs::default()).await;
    let client = NotificationClient::local(service);
    publish(&client, registered(LEYLA)).await;
    assert_eq!(store.check().await, Ok(()));

    relay.abort();
    drop(relay.await);
    let started = Instant::now();
    let event = envelope(&OrderPlaced(facts(LEYLA, 1)));
    let e = handle(&client, &event).await.unwrap_err();
    assert_eq!(code(&e), Code::Unavailable);
    assert_eq!(e.to_string(), "The database is not available");
    assert!(store.check().await.is_err());
    let list = client.list(&customer(LEYLA), UserId(LEYLA), ListNotifications::default()).await;
    assert_eq!(code(&list.unwrap_err()), Code::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}
