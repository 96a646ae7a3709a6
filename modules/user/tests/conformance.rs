//! What the user module promises, in three placements.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk};
use kernel::{
    ApiError, Code, Ctx, Envelope, Event, InternalKey, Listener, Role, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::Db,
    delivery::Bus,
    jobs::Jobs,
    module::{self, Started},
    now, outbox, placements, serde_json,
    testing::{Stores, admin, anonymous, customer, start},
};
use sea_orm::{ConnectionTrait, Statement};
use std::{
    collections::HashSet,
    future::Future,
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};
use user::{
    AUDIENCE, AccessClaims, Address, AuthReply, ChangePassword, Config, DEMO_ACCOUNTS, EmailToken, ISSUER, ListUsers, Login,
    NewAddress, ProfileChange, Refresh, Register, RevokedSince, SetAccess, User, UserApi, UserChanged, UserClient,
    UserConfirmationRequested, UserError, UserRegistered, Users,
};

const PASSWORD: &str = "Saffron-7-Road";

placements! {
    UserClient, users: [
        register_and_log_in,
        bad_input_is_explained,
        access_tokens_verify_with_the_published_keys,
        a_refresh_token_works_once,
        one_of_many_refreshes_wins,
        logging_out_ends_the_session,
        wrong_passwords_lock_an_account,
        the_right_password_clears_the_count,
        a_new_password_ends_all_sessions,
        every_byte_of_a_password_counts,
        access_is_taken_away_at_once,
        a_removed_admin_changes_no_access,
        of_admins_who_remove_each_other_one_wins,
        a_mailed_token_confirms_an_address,
        a_token_is_replaced_by_the_next_one,
        the_owner_of_an_address_gets_it_back,
        an_address_that_nobody_confirmed_can_be_registered_again,
        an_account_that_is_used_keeps_its_address,
        one_of_many_who_register_an_address_gets_it,
        an_address_is_the_same_however_it_is_written,
        phone_numbers_are_kept_in_one_form,
        text_is_kept_and_compared_in_one_form,
        profiles_change_field_by_field,
        there_is_one_default_address,
        addresses_belong_to_their_user,
        an_account_has_at_most_fifty_addresses,
        keyed_addresses_are_added_once,
        admins_list_accounts,
        others_verify_accounts,
    ]
}

/// The other parts of a test.
struct Fixture {
    stores: Stores,
    users: Users,
    db: Db,
    events: Arc<Mutex<Vec<Envelope>>>,
}

impl Deref for Fixture {
    type Target = Stores;
    fn deref(&self) -> &Stores {
        &self.stores
    }
}

impl Fixture {
    /// The context of an admin with an account.
    async fn boss(&self, name: &str) -> Ctx {
        let boss = self.users.create_admin(&format!("{name}@souk.test"), PASSWORD).await.unwrap();
        admin().on_behalf_of(boss.id, Role::Admin)
    }

    /// The events of this type about a user, the oldest first; waits until there are `count`.
    async fn events<E: Event>(&self, user: UserId, count: usize) -> Vec<E> {
        let about = || {
            let events = self.events.lock().unwrap();
            let mut about: Vec<_> = events.iter().filter(|event| event.subject == user.to_string()).cloned().collect();
            about.sort_by_key(|event| event.id);
            about.dedup_by_key(|event| event.id);
            about.into_iter().filter_map(|event| event.read::<E>().unwrap()).collect::<Vec<_>>()
        };
        let wait = async {
            while about().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the events are published");
        about()
    }

    /// The token that was mailed to a new account.
    async fn token(&self, user: &User) -> String {
        self.events::<UserRegistered>(user.id, 1).await.remove(0).confirm_token.unwrap()
    }

    /// Lets the tokens of all addresses expire.
    async fn tokens_expire(&self) {
        self.set("UPDATE email_confirmations SET expires_at = $1", now() - TimeDelta::milliseconds(1)).await;
    }

    /// Moves the beginning and renewal of all sessions into the past.
    async fn sessions_get_old(&self) {
        let then = now() - TimeDelta::days(100);
        self.set("UPDATE sessions SET created_at = $1", then).await;
        self.set("UPDATE refresh_tokens SET used_at = $1 WHERE used_at IS NOT NULL", then).await;
    }

    async fn set(&self, statement: &str, time: DateTime<Utc>) {
        let db = &self.db;
        let statement = Statement::from_sql_and_values(db.write().get_database_backend(), statement, [time.into()]);
        db.write().execute_raw(statement).await.unwrap();
    }
}

async fn users(stores: Stores) -> (Users, Fixture) {
    let events: Arc<Mutex<Vec<Envelope>>> = Arc::default();
    let listener = Listener::new("test", &["user.registered", "user.changed", "user.confirmation_requested"], {
        let events = events.clone();
        move |_, event| {
            events.lock().unwrap().push(event);
            std::future::ready(Ok(()))
        }
    });
    let bus = Bus::new(&Default::default(), vec![listener], InternalKey::random()).unwrap();
    let Started { service, store } = start::<Users>(&config(&stores).await, ()).await;
    outbox::relay(&store, bus, &Jobs::default());
    (service.clone(), Fixture { stores, users: service, db: store, events })
}

async fn config(stores: &Stores) -> Config {
    Config {
        database_url: stores.database("user").await,
        signing_key_file: stores.folder().join("keys/signing.pem"),
        ..Config::default()
    }
}

fn account(email: &str) -> Register {
    Register {
        email: email.into(),
        password: PASSWORD.into(),
        first_name: " Leyla ".into(),
        last_name: "Aziz".into(),
        phone: Some("+96170123456".into()),
    }
}

async fn register(client: &UserClient, email: &str) -> AuthReply {
    client.register(&anonymous(), account(email)).await.unwrap()
}

fn log_in(client: &UserClient, email: &str, password: &str) -> impl Future<Output = Result<AuthReply, UserError>> + use<> {
    let (client, request) = (client.clone(), Login { email: email.into(), password: password.into() });
    async move { client.login(&anonymous(), request).await }
}

async fn refresh(client: &UserClient, token: &str) -> Result<AuthReply, UserError> {
    client.refresh(&anonymous(), Refresh { refresh_token: token.into() }).await
}

fn cx(user: &User) -> Ctx {
    customer(user.id.0)
}

/// Replies hold secrets and cannot be shown; errors can.
fn error<T>(result: Result<T, UserError>) -> UserError {
    result.err().unwrap()
}

fn code<T>(result: Result<T, UserError>) -> Code {
    error(result).code()
}

async fn claims(client: &UserClient, token: &str) -> AccessClaims {
    let kid = decode_header(token).unwrap().kid.unwrap();
    let keys = serde_json::to_value(client.jwks(&anonymous()).await.unwrap()).unwrap();
    let keys: jwk::JwkSet = serde_json::from_value(keys).unwrap();
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    decode(token, &DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap(), &rules).unwrap().claims
}

/// Whether `revoked` lists the session of this access token.
async fn is_revoked(client: &UserClient, token: &str) -> bool {
    let sid = claims(client, token).await.sid;
    client.called_by("gateway").revoked(&anonymous(), RevokedSince::default()).await.unwrap().sessions.contains(&sid)
}

async fn register_and_log_in(client: UserClient, _: &Fixture) {
    let reply = register(&client, "  Leyla@Example.COM ").await;
    assert_eq!(
        (reply.message.as_str(), reply.token_type.as_str(), reply.expires_in),
        ("User registered successfully", "Bearer", 900)
    );
    let user = reply.user;
    assert_eq!((user.email.as_str(), user.first_name.as_str(), user.last_name.as_str()), ("leyla@example.com", "Leyla", "Aziz"));
    assert!(user.is_active && !user.is_admin && user.phone.as_deref() == Some("+96170123456"));

    assert_eq!(error(client.register(&anonymous(), account("LEYLA@example.com")).await), UserError::EmailTaken);
    let reply = log_in(&client, " LEYLA@Example.com", PASSWORD).await.ok().unwrap();
    assert_eq!((reply.message.as_str(), &reply.user), ("Login successful", &user));
    assert_eq!(error(log_in(&client, "leyla@example.com", "Saffron-8-Road").await), UserError::WrongCredentials);
    assert_eq!(error(log_in(&client, "nobody@example.com", PASSWORD).await), UserError::WrongCredentials);
    let profile = client.profile(&cx(&user), user.id).await.unwrap();
    assert_eq!((profile.user, profile.addresses.len()), (user, 0));
}

async fn bad_input_is_explained(client: UserClient, _: &Fixture) {
    let base = || account("leyla@example.com");
    let long = "a".repeat(51);
    for (request, message) in [
        (Register { email: String::new(), password: "".into(), ..base() }, "Missing or empty field: email"),
        (Register { password: "".into(), ..base() }, "Missing or empty field: password"),
        (Register { first_name: " ".into(), ..base() }, "Missing or empty field: first_name"),
        (Register { last_name: "".into(), ..base() }, "Missing or empty field: last_name"),
        (Register { last_name: long.into(), ..base() }, "last_name must have at most 50 characters"),
        (Register { phone: Some("1".repeat(41)), ..base() }, "phone must have at most 40 characters"),
        (
            Register { first_name: "Ley\u{200b}la".into(), ..base() },
            "first_name must not contain invisible or misleading characters (U+200B)",
        ),
        (
            Register { first_name: "4111 1111 1111 1111".into(), ..base() },
            "first_name must not contain the number of a payment card",
        ),
        (Register { email: "a\u{200b}b@example.com".into(), ..base() }, "Invalid email format"),
        (Register { password: "Password1".into(), ..base() }, "Password must not be a common one, or one that is easy to guess"),
        (Register { password: "Souk-2026".into(), ..base() }, "Password must not be a common one, or one that is easy to guess"),
        (
            Register { password: "Leyla-Aziz-1".into(), ..base() },
            "Password must not be made of the name of the shop, your name or your email address",
        ),
        (
            Register { phone: Some("call me".into()), ..base() },
            "phone must be a phone number: digits, and + before the code of the country",
        ),
        (Register { email: "a@[127.0.0.1]".into(), ..base() }, "Invalid email format: the domain must be a name"),
        (Register { email: "leyla".into(), ..base() }, "Invalid email format"),
        (Register { password: "Sh0rt".into(), ..base() }, "Password must be at least 8 characters long"),
        (Register { password: "saffron-7-road".into(), ..base() }, "Password must contain at least one uppercase letter"),
        (Register { password: "SAFFRON-7-ROAD".into(), ..base() }, "Password must contain at least one lowercase letter"),
        (Register { password: "Saffron-Road".into(), ..base() }, "Password must contain at least one digit"),
        (
            Register { email: "leyla7@example.com".into(), password: "Leyla7@Example.com".into(), ..base() },
            "Password must not be the email address",
        ),
    ] {
        let error = error(client.register(&anonymous(), request).await);
        assert_eq!((error.code(), error.to_string().as_str()), (Code::InvalidArgument, message));
    }
    for (email, password) in [("", PASSWORD), ("leyla@example.com", ""), ("", "")] {
        assert_eq!(error(log_in(&client, email, password).await).to_string(), "Email and password required");
    }
    assert_eq!(client.list(&admin(), ListUsers::default()).await.unwrap().pagination.total, 0, "nothing was stored");
}

async fn access_tokens_verify_with_the_published_keys(client: UserClient, _: &Fixture) {
    let reply = register(&client, "leyla@example.com").await;
    let header = decode_header(&reply.access_token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
    let keys = client.jwks(&anonymous()).await.unwrap().keys;
    let [key] = keys.as_slice() else { panic!("{keys:?}") };
    let own = [&key.kty, &key.crv, &key.alg, &key.usage].map(String::as_str);
    assert_eq!((own, Some(&key.kid)), (["OKP", "Ed25519", "EdDSA", "sig"], header.kid.as_ref()));
    let public: jwk::Jwk = serde_json::from_value(serde_json::to_value(key).unwrap()).unwrap();
    assert_eq!(public.thumbprint(jwk::ThumbprintHash::SHA256).unwrap(), key.kid);

    let first = claims(&client, &reply.access_token).await;
    assert_eq!((first.sub.as_str(), first.role), (reply.user.id.to_string().as_str(), Role::Customer));
    assert_eq!(first.exp - first.iat, reply.expires_in);
    assert!(first.iat.abs_diff(now().timestamp() as u64) < 20);

    let renewed = refresh(&client, &reply.refresh_token).await.ok().unwrap();
    let renewed = claims(&client, &renewed.access_token).await;
    assert_eq!(renewed.sid, first.sid, "a session goes on");
    assert_ne!(renewed.jti, first.jti);
    let other = log_in(&client, "leyla@example.com", PASSWORD).await.ok().unwrap();
    assert_ne!(claims(&client, &other.access_token).await.sid, first.sid);
}

async fn a_refresh_token_works_once(client: UserClient, _: &Fixture) {
    let first = register(&client, "leyla@example.com").await;
    let other = log_in(&client, "leyla@example.com", PASSWORD).await.ok().unwrap();
    let second = refresh(&client, &first.refresh_token).await.ok().unwrap();
    assert_eq!((second.message.as_str(), &second.user), ("Token refreshed", &first.user));
    let third = refresh(&client, &second.refresh_token).await.ok().unwrap();
    assert!(!is_revoked(&client, &third.access_token).await);

    // the oldest token is used again: two parties have it, and either may be the thief
    assert_eq!(error(refresh(&client, &first.refresh_token).await), UserError::InvalidRefreshToken);
    assert_eq!(error(refresh(&client, &third.refresh_token).await), UserError::InvalidRefreshToken);
    assert!(is_revoked(&client, &third.access_token).await);

    assert!(!is_revoked(&client, &other.access_token).await, "another session");
    assert!(refresh(&client, &other.refresh_token).await.is_ok());
    for unknown in ["nonsense", &"0".repeat(64), &other.access_token[..100]] {
        assert_eq!(error(refresh(&client, unknown).await), UserError::InvalidRefreshToken);
    }
    assert_eq!(code(refresh(&client, "").await), Code::InvalidArgument);
}

async fn one_of_many_refreshes_wins(client: UserClient, _: &Fixture) {
    let reply = register(&client, "leyla@example.com").await;
    let token: Arc<str> = reply.refresh_token.into();
    let racers = (0..20).map(|_| {
        let (client, token) = (client.clone(), token.clone());
        tokio::spawn(async move { refresh(&client, &token).await })
    });
    let mut won = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(_) => won += 1,
            Err(e) => assert_eq!(e, UserError::InvalidRefreshToken),
        }
    }
    assert_eq!(won, 1);
    assert!(is_revoked(&client, &reply.access_token).await, "the others used it again");
}

async fn logging_out_ends_the_session(client: UserClient, _: &Fixture) {
    let reply = register(&client, "leyla@example.com").await;
    let other = log_in(&client, "leyla@example.com", PASSWORD).await.ok().unwrap();
    let request = || Refresh { refresh_token: reply.refresh_token.as_str().into() };
    let gateway = client.called_by("gateway");
    let before = gateway.revoked(&anonymous(), RevokedSince::default()).await.unwrap();
    assert!(before.sessions.is_empty() && before.as_of <= now());

    client.logout(&anonymous(), request()).await.unwrap();
    client.logout(&anonymous(), request()).await.unwrap();
    client.logout(&anonymous(), Refresh { refresh_token: "unknown".into() }).await.unwrap();
    assert_eq!(error(refresh(&client, &reply.refresh_token).await), UserError::InvalidRefreshToken);
    assert!(is_revoked(&client, &reply.access_token).await);
    assert!(!is_revoked(&client, &other.access_token).await);

    let count = async |since| gateway.revoked(&anonymous(), RevokedSince { since: Some(since) }).await.unwrap().sessions.len();
    assert_eq!(count(before.as_of).await, 1, "ended after the last answer");
    assert_eq!(count(now() + TimeDelta::seconds(1)).await, 0);
    assert_eq!(count(now() - TimeDelta::days(9000)).await, 1);
    for stranger in [client.clone(), client.called_by("order")] {
        assert_eq!(code(stranger.revoked(&admin(), RevokedSince::default()).await), Code::PermissionDenied);
    }
}

async fn wrong_passwords_lock_an_account(client: UserClient, _: &Fixture) {
    register(&client, "leyla@example.com").await;
    register(&client, "omar@example.com").await;
    // an address without an account is locked in the same way, so that the answer does not tell which addresses have one
    for email in ["Leyla@example.com", "nobody@example.com"] {
        let attempts = (0..50).map(|i| tokio::spawn(log_in(&client, email, &format!("Wrong-{i}-password"))));
        let (mut wrong, mut locked) = (0, 0);
        for attempt in attempts.collect::<Vec<_>>() {
            match error(attempt.await.unwrap()) {
                UserError::WrongCredentials => wrong += 1,
                e => {
                    assert_eq!(e.code(), Code::TooManyRequests);
                    let problem = e.into_problem();
                    assert!((1..=900).contains(&problem.retry_after.unwrap()), "{problem:?}");
                    locked += 1;
                }
            }
        }
        assert_eq!((wrong, locked), (10, 40), "{email}");
        assert_eq!(code(log_in(&client, email, PASSWORD).await), Code::TooManyRequests, "the right one, too late");
    }
    assert!(log_in(&client, "omar@example.com", PASSWORD).await.is_ok(), "another account");
}

async fn the_right_password_clears_the_count(client: UserClient, _: &Fixture) {
    register(&client, "leyla@example.com").await;
    for _ in 0..2 {
        for _ in 0..9 {
            assert_eq!(error(log_in(&client, "leyla@example.com", "Wrong-1-password").await), UserError::WrongCredentials);
        }
        assert!(log_in(&client, "leyla@example.com", PASSWORD).await.is_ok());
    }
}

async fn a_new_password_ends_all_sessions(client: UserClient, _: &Fixture) {
    let reply = register(&client, "leyla7@example.com").await;
    let (user, email) = (&reply.user, reply.user.email.as_str());
    let change = |current: &str, new: &str| ChangePassword { current_password: current.into(), new_password: new.into() };
    let set = async |current: &str, new: &str| client.change_password(&cx(user), user.id, change(current, new)).await;

    let wrong = set("Wrong-1-password", "Cumin-8-Lane").await.unwrap_err();
    assert_eq!((wrong.code(), wrong.to_string().as_str()), (Code::InvalidArgument, "current_password is not your password"));
    assert_eq!(set(PASSWORD, "cumin").await.unwrap_err().to_string(), "Password must be at least 8 characters long");
    assert_eq!(set(PASSWORD, "Leyla7@example.com").await.unwrap_err().to_string(), "Password must not be the email address");
    assert_eq!(
        code(client.change_password(&customer(99), user.id, change(PASSWORD, "Cumin-8-Lane")).await),
        Code::PermissionDenied
    );
    assert_eq!(
        client.change_password(&customer(99), UserId(99), change(PASSWORD, "Cumin-8-Lane")).await,
        Err(UserError::NotFound)
    );
    assert!(!is_revoked(&client, &reply.access_token).await);

    set(PASSWORD, "Cumin-8-Lane").await.unwrap();
    assert!(is_revoked(&client, &reply.access_token).await);
    assert_eq!(error(refresh(&client, &reply.refresh_token).await), UserError::InvalidRefreshToken);
    assert_eq!(error(log_in(&client, email, PASSWORD).await), UserError::WrongCredentials);
    let again = log_in(&client, email, "Cumin-8-Lane").await.ok().unwrap();

    set(PASSWORD, "Cumin-8-Lane").await.unwrap();
    assert!(!is_revoked(&client, &again.access_token).await, "the call was repeated, which changes nothing");
}

async fn every_byte_of_a_password_counts(client: UserClient, _: &Fixture) {
    let long = |end: &str| format!("{}{end}", "Aa1-".repeat(18));
    assert_eq!(long("").len(), 72);
    client
        .register(&anonymous(), Register { password: long("right").into(), ..account("leyla@example.com") })
        .await
        .ok()
        .unwrap();
    assert_eq!(error(log_in(&client, "leyla@example.com", &long("wrong")).await), UserError::WrongCredentials);
    assert!(log_in(&client, "leyla@example.com", &long("right")).await.is_ok());
}

async fn access_is_taken_away_at_once(client: UserClient, fixture: &Fixture) {
    let boss = fixture.boss("boss").await;
    let reply = register(&client, "leyla@example.com").await;
    let (user, email) = (&reply.user, reply.user.email.as_str());
    let set = async |cx: &Ctx, is_active, role| client.set_access(cx, user.id, SetAccess { is_active, role }).await;
    assert_eq!(code(set(&cx(user), true, Role::Admin).await), Code::PermissionDenied);
    assert_eq!(code(set(&anonymous(), true, Role::Admin).await), Code::Unauthenticated);
    let access = SetAccess { is_active: true, role: Role::Admin };
    assert_eq!(client.set_access(&boss, UserId(99), access).await, Err(UserError::NotFound));
    assert!(set(&boss, true, Role::Customer).await.unwrap().is_active);
    assert!(!is_revoked(&client, &reply.access_token).await, "nothing was changed");

    assert!(!set(&boss, false, Role::Customer).await.unwrap().is_active);
    assert!(is_revoked(&client, &reply.access_token).await);
    assert_eq!(error(refresh(&client, &reply.refresh_token).await), UserError::InvalidRefreshToken);
    assert_eq!(error(log_in(&client, email, PASSWORD).await), UserError::Deactivated);
    assert_eq!(error(log_in(&client, email, "Wrong-1-password").await), UserError::WrongCredentials);

    assert!(set(&boss, true, Role::Admin).await.unwrap().is_admin);
    let reply = log_in(&client, email, PASSWORD).await.ok().unwrap();
    assert_eq!((reply.user.is_admin, claims(&client, &reply.access_token).await.role), (true, Role::Admin));
    let own = admin().on_behalf_of(user.id, Role::Admin);
    for (is_active, role) in [(false, Role::Admin), (true, Role::Customer), (true, Role::Admin)] {
        assert_eq!(set(&own, is_active, role).await, Err(UserError::OwnAccess));
    }
    assert!(!is_revoked(&client, &reply.access_token).await);

    assert!(!set(&boss, true, Role::Customer).await.unwrap().is_admin);
    assert!(is_revoked(&client, &reply.access_token).await, "its token says admin");
}

async fn a_removed_admin_changes_no_access(client: UserClient, fixture: &Fixture) {
    let (boss, mallory) = (fixture.boss("boss").await, fixture.boss("mallory").await);
    let accomplice = register(&client, "accomplice@example.com").await.user;
    let own = mallory.user().unwrap();
    let set = async |by: &Ctx, user, is_active, role| client.set_access(by, user, SetAccess { is_active, role }).await;
    let everything = async || {
        for (is_active, role) in [(true, Role::Admin), (true, Role::Customer), (false, Role::Admin), (false, Role::Customer)] {
            assert_eq!(set(&mallory, own, is_active, role).await, Err(UserError::OwnAccess), "his own");
            for other in [accomplice.id, boss.user().unwrap(), UserId(99)] {
                assert_eq!(code(set(&mallory, other, is_active, role).await), Code::PermissionDenied, "{other}");
            }
        }
    };
    set(&boss, own, true, Role::Customer).await.unwrap();
    everything().await;
    set(&boss, own, false, Role::Admin).await.unwrap();
    everything().await;
    // who never had an account, whatever the token says
    assert_eq!(code(set(&admin(), accomplice.id, true, Role::Admin).await), Code::PermissionDenied);

    let users = client.list(&admin(), ListUsers::default()).await.unwrap().users;
    let access: Vec<_> = users.iter().map(|user| (user.is_active, user.is_admin)).collect();
    assert_eq!(access, [(true, true), (false, true), (true, false)]);
    set(&boss, own, true, Role::Admin).await.unwrap();
    assert!(set(&mallory, accomplice.id, true, Role::Admin).await.unwrap().is_admin, "an admin again");
}

async fn of_admins_who_remove_each_other_one_wins(client: UserClient, fixture: &Fixture) {
    for round in 0..5 {
        let (a, b) = (fixture.boss(&format!("a{round}")).await, fixture.boss(&format!("b{round}")).await);
        let remove = |by: &Ctx, other: &Ctx| {
            let (client, by, other) = (client.clone(), by.clone(), other.user().unwrap());
            let access = SetAccess { is_active: round % 2 == 0, role: Role::Customer };
            tokio::spawn(async move { client.set_access(&by, other, access).await })
        };
        let (of_b, of_a) = (remove(&a, &b), remove(&b, &a));
        let (of_b, of_a) = (of_b.await.unwrap(), of_a.await.unwrap());
        let refused = match (of_b, of_a) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let users = client.list(&admin(), ListUsers { per_page: Some(100), ..ListUsers::default() }).await.unwrap().users;
    assert_eq!(users.iter().filter(|user| user.is_active && user.is_admin).count(), 5);
}

async fn confirm(client: &UserClient, token: &str) -> Result<(), UserError> {
    client.confirm_email(&anonymous(), EmailToken { token: token.into() }).await
}

async fn disown(client: &UserClient, token: &str) -> Result<(), UserError> {
    client.disown_email(&anonymous(), EmailToken { token: token.into() }).await
}

async fn a_mailed_token_confirms_an_address(client: UserClient, fixture: &Fixture) {
    let user = register(&client, "leyla@example.com").await.user;
    assert!(!user.email_confirmed);
    let token = fixture.token(&user).await;
    assert_eq!(token.len(), 64);
    for unknown in ["nonsense", &"0".repeat(64), &token[..63]] {
        assert_eq!(confirm(&client, unknown).await, Err(UserError::InvalidEmailToken));
        assert_eq!(disown(&client, unknown).await, Err(UserError::InvalidEmailToken));
    }
    assert_eq!(code(confirm(&client, "").await), Code::InvalidArgument);

    confirm(&client, &token).await.unwrap();
    confirm(&client, &token).await.unwrap();
    assert!(client.profile(&cx(&user), user.id).await.unwrap().user.email_confirmed);
    assert!(client.list(&admin(), ListUsers::default()).await.unwrap().users[0].email_confirmed);
    let changed = fixture.events::<UserChanged>(user.id, 1).await;
    assert_eq!(
        changed.iter().map(|changed| (changed.0.email_confirmed, changed.0.version)).collect::<Vec<_>>(),
        [(true, 2)],
        "once"
    );
    assert_eq!(disown(&client, &token).await, Err(UserError::InvalidEmailToken), "whoever confirmed it reads what is sent there");
    assert_eq!(client.request_confirmation(&cx(&user), user.id).await, Err(UserError::EmailConfirmed));
    assert!(log_in(&client, "leyla@example.com", PASSWORD).await.ok().unwrap().user.email_confirmed);
    fixture.tokens_expire().await;
    assert_eq!(error(client.register(&anonymous(), account("leyla@example.com")).await), UserError::EmailTaken);
}

async fn a_token_is_replaced_by_the_next_one(client: UserClient, fixture: &Fixture) {
    let user = register(&client, "leyla@example.com").await.user;
    let first = fixture.token(&user).await;
    client.request_confirmation(&cx(&user), user.id).await.unwrap();
    client.request_confirmation(&cx(&user), user.id).await.unwrap();
    let asked = fixture.events::<UserConfirmationRequested>(user.id, 2).await;
    assert!(asked.iter().all(|asked| asked.email == "leyla@example.com" && asked.version == 1));
    let last = &asked[1].confirm_token;
    for old in [&first, &asked[0].confirm_token] {
        assert_eq!(confirm(&client, old).await, Err(UserError::InvalidEmailToken));
    }
    fixture.tokens_expire().await;
    assert_eq!(confirm(&client, last).await, Err(UserError::InvalidEmailToken));
    assert_eq!(disown(&client, last).await, Err(UserError::InvalidEmailToken));
    client.request_confirmation(&cx(&user), user.id).await.unwrap();
    confirm(&client, &fixture.events::<UserConfirmationRequested>(user.id, 3).await[2].confirm_token).await.unwrap();

    assert_eq!(code(client.request_confirmation(&customer(99), user.id).await), Code::PermissionDenied);
    assert_eq!(code(client.request_confirmation(&anonymous(), user.id).await), Code::Unauthenticated);
    assert_eq!(client.request_confirmation(&customer(99), UserId(99)).await, Err(UserError::NotFound));
}

async fn the_owner_of_an_address_gets_it_back(client: UserClient, fixture: &Fixture) {
    let squatter = register(&client, "leyla@example.com").await;
    let token = fixture.token(&squatter.user).await;
    assert_eq!(error(client.register(&anonymous(), account("leyla@example.com")).await), UserError::EmailTaken);

    disown(&client, &token).await.unwrap();
    assert_eq!(disown(&client, &token).await, Err(UserError::InvalidEmailToken), "used up");
    assert!(is_revoked(&client, &squatter.access_token).await);
    assert_eq!(error(refresh(&client, &squatter.refresh_token).await), UserError::InvalidRefreshToken);
    assert_eq!(error(log_in(&client, "leyla@example.com", PASSWORD).await), UserError::WrongCredentials);
    let closed = client.profile(&cx(&squatter.user), squatter.user.id).await.unwrap().user;
    assert!(!closed.is_active && !closed.email.contains("leyla") && closed.email.ends_with("@disowned.invalid"), "{closed:?}");
    let changed = fixture.events::<UserChanged>(squatter.user.id, 1).await.remove(0);
    assert_eq!((changed.0.email, changed.0.email_confirmed), (closed.email, false), "no mail goes to the owner for it");

    let owner = client.register(&anonymous(), Register { password: "Cumin-8-Lane".into(), ..account("Leyla@example.com") }).await;
    let owner = owner.ok().unwrap().user;
    assert_ne!(owner.id, squatter.user.id);
    assert_eq!(confirm(&client, &token).await, Err(UserError::InvalidEmailToken), "the token of before");
    confirm(&client, &fixture.token(&owner).await).await.unwrap();
    assert_eq!(log_in(&client, "leyla@example.com", "Cumin-8-Lane").await.ok().unwrap().user.id, owner.id);
}

async fn an_address_that_nobody_confirmed_can_be_registered_again(client: UserClient, fixture: &Fixture) {
    let first = register(&client, "leyla@example.com").await;
    // used while the token could still be used
    let renewed = refresh(&client, &first.refresh_token).await.ok().unwrap();
    assert_eq!(error(client.register(&anonymous(), account("leyla@example.com")).await), UserError::EmailTaken);
    fixture.tokens_expire().await;
    fixture.sessions_get_old().await;
    let second = register(&client, "leyla@example.com").await;
    assert_ne!(second.user.id, first.user.id);
    assert!(is_revoked(&client, &renewed.access_token).await);
    assert_eq!(error(refresh(&client, &renewed.refresh_token).await), UserError::InvalidRefreshToken);
    assert_eq!(log_in(&client, "leyla@example.com", PASSWORD).await.ok().unwrap().user.id, second.user.id);
    assert!(!client.profile(&cx(&first.user), first.user.id).await.unwrap().user.is_active);

    // an admin keeps it, however old
    let boss = fixture.boss("boss").await;
    client.set_access(&boss, second.user.id, SetAccess { is_active: true, role: Role::Admin }).await.unwrap();
    fixture.tokens_expire().await;
    fixture.sessions_get_old().await;
    assert_eq!(error(client.register(&anonymous(), account("leyla@example.com")).await), UserError::EmailTaken);
}

async fn an_account_that_is_used_keeps_its_address(client: UserClient, fixture: &Fixture) {
    let user = register(&client, "leyla@example.com").await;
    fixture.tokens_expire().await;
    refresh(&client, &user.refresh_token).await.ok().unwrap();
    for _ in 0..3 {
        assert_eq!(error(client.register(&anonymous(), account("leyla@example.com")).await), UserError::EmailTaken);
    }
    // but its owner is asked, once for each life of a token
    let asked = fixture.events::<UserConfirmationRequested>(user.user.id, 1).await;
    assert_eq!(asked.len(), 1);
    disown(&client, &asked[0].confirm_token).await.unwrap();
    assert_ne!(register(&client, "leyla@example.com").await.user.id, user.user.id);

    // a deactivated account keeps it, too
    let boss = fixture.boss("boss").await;
    let banned = register(&client, "omar@example.com").await.user;
    client.set_access(&boss, banned.id, SetAccess { is_active: false, role: Role::Customer }).await.unwrap();
    fixture.tokens_expire().await;
    fixture.sessions_get_old().await;
    assert_eq!(error(client.register(&anonymous(), account("omar@example.com")).await), UserError::EmailTaken);
    assert_eq!(fixture.events::<UserConfirmationRequested>(banned.id, 1).await.len(), 1);
}

async fn one_of_many_who_register_an_address_gets_it(client: UserClient, fixture: &Fixture) {
    register(&client, "leyla@example.com").await;
    fixture.tokens_expire().await;
    fixture.sessions_get_old().await;
    let racers = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.register(&anonymous(), account("leyla@example.com")).await.map(|reply| reply.user.id) })
    });
    let mut won = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(user) => won.push(user),
            Err(e) => assert_eq!(e, UserError::EmailTaken),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(log_in(&client, "leyla@example.com", PASSWORD).await.ok().unwrap().user.id, won[0]);
}

async fn an_address_is_the_same_however_it_is_written(client: UserClient, _: &Fixture) {
    let user = register(&client, "Leyla@Müller.de").await.user;
    assert_eq!(user.email, "leyla@xn--mller-kva.de");
    for same in ["leyla@müller.de", "leyla@mu\u{308}ller.de", "LEYLA@xn--mller-kva.DE", " leyla@MÜLLER.de "] {
        assert_eq!(error(client.register(&anonymous(), account(same)).await), UserError::EmailTaken, "{same}");
        assert_eq!(log_in(&client, same, PASSWORD).await.ok().unwrap().user.id, user.id, "{same}");
        let found = client.list(&admin(), ListUsers { email: Some(same.into()), ..ListUsers::default() }).await.unwrap();
        assert_eq!(found.pagination.total, 1, "{same}");
    }

    // longer than the column, and alike in the part that would fit
    let long = |end: &str| format!("{}@{}.{}.{}", "a".repeat(64), "b".repeat(63), "c".repeat(63), end);
    let (one, other) = (long(&"d".repeat(61)), long(&"e".repeat(61)));
    let user = register(&client, &one.to_uppercase()).await.user;
    assert_eq!((user.email.as_str(), user.email.len()), (one.as_str(), 254));
    assert_eq!(error(client.register(&anonymous(), account(&one)).await), UserError::EmailTaken);
    assert_ne!(register(&client, &other).await.user.id, user.id);
    assert_eq!(log_in(&client, &one, PASSWORD).await.ok().unwrap().user, user);
    assert_eq!(client.profile(&cx(&user), user.id).await.unwrap().user.email, one);
    let found = client.list(&admin(), ListUsers { email: Some("dddd".into()), ..ListUsers::default() }).await.unwrap();
    assert_eq!(found.users, [user]);
}

async fn phone_numbers_are_kept_in_one_form(client: UserClient, fixture: &Fixture) {
    let request = Register { phone: Some("00961 70\u{a0}12-34-56".into()), ..account("leyla@example.com") };
    let user = client.register(&anonymous(), request).await.ok().unwrap().user;
    assert_eq!(user.phone.as_deref(), Some("+96170123456"));
    let change = async |phone: &str| {
        let change = ProfileChange { phone: Some(Some(phone.into())), ..ProfileChange::default() };
        client.change_profile(&cx(&user), user.id, change).await
    };
    assert_eq!(change("+49 (0)30 901820").await.unwrap().phone.as_deref(), Some("+4930901820"));
    assert_eq!(fixture.events::<UserChanged>(user.id, 1).await[0].0.phone.as_deref(), Some("+4930901820"));
    for bad in ["call me", "030 901820", "+49"] {
        let refused = change(bad).await.unwrap_err();
        assert!(refused.code() == Code::InvalidArgument && refused.to_string().starts_with("phone "), "{bad}: {refused}");
    }
    assert_eq!(client.profile(&cx(&user), user.id).await.unwrap().user.phone.as_deref(), Some("+4930901820"));
}

async fn text_is_kept_and_compared_in_one_form(client: UserClient, _: &Fixture) {
    // decomposed, with spaces of other kinds around and in it
    let request = Register {
        first_name: "\u{a0}Ame\u{301}lie ".into(),
        password: "Cafe\u{301}\u{a0}Nr-7-Road".into(),
        ..account("leyla@example.com")
    };
    let user = client.register(&anonymous(), request).await.ok().unwrap().user;
    assert_eq!(user.first_name, "Amélie");
    assert!(log_in(&client, "leyla@example.com", "Café Nr-7-Road").await.is_ok());
    assert!(log_in(&client, "leyla@example.com", " Café Nr-7-Road").await.is_err(), "a password is not trimmed");
    let change = NewAddress { city: " Sa\u{303}o Paulo\u{3000}".into(), ..address("  12 Spice Lane ", false) };
    let kept = client.add_address(&cx(&user), user.id, change).await.unwrap();
    assert_eq!((kept.city.as_str(), kept.street_address.as_str()), ("São Paulo", "12 Spice Lane"));
    let change = ChangePassword { current_password: "Café Nr-7-Road".into(), new_password: "Welcome1".into() };
    let refused = client.change_password(&cx(&user), user.id, change).await.unwrap_err();
    assert_eq!(refused.to_string(), "Password must not be a common one, or one that is easy to guess");
}

async fn profiles_change_field_by_field(client: UserClient, _: &Fixture) {
    let user = register(&client, "leyla@example.com").await.user;
    let change = async |change| client.change_profile(&cx(&user), user.id, change).await;
    let changed = change(ProfileChange { first_name: Some(" Layla ".into()), ..ProfileChange::default() }).await.unwrap();
    assert_eq!(changed, User { first_name: "Layla".into(), ..user.clone() });
    let last =
        ProfileChange { last_name: Some("Haddad".into()), phone: Some(Some("+961 3 123456".into())), ..ProfileChange::default() };
    let changed = change(last).await.unwrap();
    assert_eq!(
        (changed.first_name.as_str(), changed.last_name.as_str(), changed.phone.as_deref()),
        ("Layla", "Haddad", Some("+9613123456"))
    );
    assert_eq!(change(ProfileChange::default()).await.unwrap(), changed);
    assert_eq!(client.profile(&cx(&user), user.id).await.unwrap().user, changed);
    let without = change(ProfileChange { phone: Some(None), ..ProfileChange::default() }).await.unwrap();
    assert_eq!(without, User { phone: None, ..changed });

    assert_eq!(
        code(change(ProfileChange { last_name: Some("".into()), ..ProfileChange::default() }).await),
        Code::InvalidArgument
    );
    assert_eq!(code(client.profile(&customer(99), user.id).await), Code::PermissionDenied);
    assert_eq!(code(client.profile(&anonymous(), user.id).await), Code::Unauthenticated);
    assert_eq!(client.profile(&customer(99), UserId(99)).await, Err(UserError::NotFound));
    assert_eq!(client.change_profile(&customer(99), UserId(99), ProfileChange::default()).await, Err(UserError::NotFound));
}

fn address(street: &str, is_default: bool) -> NewAddress {
    NewAddress {
        street_address: street.into(),
        city: "Tripoli".into(),
        state: "North".into(),
        postal_code: "1300".into(),
        country: "Lebanon".into(),
        is_default,
    }
}

async fn there_is_one_default_address(client: UserClient, _: &Fixture) {
    let user = register(&client, "leyla@example.com").await.user;
    let cx = cx(&user);
    let add = async |street, is_default| client.add_address(&cx, user.id, address(street, is_default)).await.unwrap();
    let default = async || {
        let addresses = client.addresses(&cx, user.id).await.unwrap();
        assert!(addresses.is_sorted_by_key(|address| address.id));
        assert_eq!(client.profile(&cx, user.id).await.unwrap().addresses, addresses);
        let defaults: Vec<Address> = addresses.into_iter().filter(|address| address.is_default).collect();
        assert!(defaults.len() <= 1);
        defaults.into_iter().next().map(|address| address.id)
    };
    assert_eq!(default().await, None);
    let a = add(" 1 Spice Lane ", false).await;
    assert_eq!((a.street_address.as_str(), a.is_default, default().await), ("1 Spice Lane", true, Some(a.id)), "the first one");
    let b = add("2 Spice Lane", false).await;
    assert_eq!((b.is_default, default().await), (false, Some(a.id)));
    let c = add("3 Spice Lane", true).await;
    assert_eq!((c.is_default, default().await), (true, Some(c.id)));

    let change = async |id, change| client.change_address(&cx, user.id, id, change).await;
    let changed = change(c.id, address("4 Spice Lane", false)).await.unwrap();
    assert_eq!((changed.street_address.as_str(), changed.is_default, default().await), ("4 Spice Lane", true, Some(c.id)));
    assert!(change(b.id, address("2 Spice Lane", true)).await.unwrap().is_default);
    assert_eq!(default().await, Some(b.id));

    client.delete_address(&cx, user.id, b.id).await.unwrap();
    assert_eq!(default().await, Some(a.id), "the oldest that remains");
    client.delete_address(&cx, user.id, c.id).await.unwrap();
    assert_eq!(default().await, Some(a.id));
    client.delete_address(&cx, user.id, a.id).await.unwrap();
    assert_eq!(default().await, None);
    assert_eq!(client.delete_address(&cx, user.id, a.id).await, Err(UserError::AddressNotFound));
    assert_eq!(change(a.id, address("x", true)).await, Err(UserError::AddressNotFound));
}

async fn addresses_belong_to_their_user(client: UserClient, _: &Fixture) {
    let (a, b) = (register(&client, "leyla@example.com").await.user, register(&client, "omar@example.com").await.user);
    let of_a = client.add_address(&cx(&a), a.id, address("1 Spice Lane", false)).await.unwrap();
    let of_b = client.add_address(&cx(&b), b.id, address("2 Spice Lane", true)).await.unwrap();
    assert_eq!(client.addresses(&cx(&b), b.id).await.unwrap(), [of_b]);

    let change = address("9 Spice Lane", true);
    assert_eq!(client.change_address(&cx(&b), b.id, of_a.id, change.clone()).await, Err(UserError::AddressNotFound));
    assert_eq!(client.delete_address(&cx(&b), b.id, of_a.id).await, Err(UserError::AddressNotFound));
    assert_eq!(code(client.addresses(&cx(&b), a.id).await), Code::PermissionDenied);
    assert_eq!(code(client.add_address(&cx(&b), a.id, change.clone()).await), Code::PermissionDenied);
    assert_eq!(code(client.change_address(&cx(&b), a.id, of_a.id, change).await), Code::PermissionDenied);
    assert_eq!(code(client.delete_address(&cx(&b), a.id, of_a.id).await), Code::PermissionDenied);
    assert_eq!(client.addresses(&cx(&a), a.id).await.unwrap(), [of_a]);

    assert_eq!(client.add_address(&customer(99), UserId(99), address("x", false)).await, Err(UserError::NotFound));
    let bad = client.add_address(&cx(&a), a.id, NewAddress { city: " ".into(), ..address("x", false) }).await;
    assert_eq!(bad.unwrap_err().to_string(), "city must have 1 to 100 characters");
}

async fn an_account_has_at_most_fifty_addresses(client: UserClient, _: &Fixture) {
    let user = register(&client, "leyla@example.com").await.user;
    let adding = (0..60).map(|i| {
        let (client, cx, id) = (client.clone(), cx(&user), user.id);
        tokio::spawn(async move { client.add_address(&cx, id, address(&format!("{i} Spice Lane"), i % 7 == 0)).await })
    });
    let mut refused = 0;
    for added in adding.collect::<Vec<_>>() {
        if let Err(e) = added.await.unwrap() {
            assert_eq!(e, UserError::TooManyAddresses);
            refused += 1;
        }
    }
    let addresses = client.addresses(&cx(&user), user.id).await.unwrap();
    assert_eq!((refused, addresses.len()), (10, 50));
    assert_eq!(addresses.iter().filter(|address| address.is_default).count(), 1);
}

async fn keyed_addresses_are_added_once(client: UserClient, _: &Fixture) {
    let user = register(&client, "leyla@example.com").await.user;
    let first = client.add_address(&cx(&user).with_key("k1"), user.id, address("1 Spice Lane", false)).await.unwrap();
    let again = cx(&user).with_key("k1");
    assert_eq!(client.add_address(&again, user.id, address("1 Spice Lane", false)).await.unwrap(), first);
    assert!(again.is_replayed());
    let other = client.add_address(&cx(&user).with_key("k1"), user.id, address("2 Spice Lane", false)).await;
    assert_eq!(code(other), Code::Unprocessable);
    assert_eq!(client.addresses(&cx(&user), user.id).await.unwrap(), [first]);
}

async fn admins_list_accounts(client: UserClient, _: &Fixture) {
    for email in ["a_b@example.com", "ab@example.com", "c%d@example.com"] {
        register(&client, email).await;
    }
    let emails = async |email: Option<&str>| {
        let query = ListUsers { email: email.map(Into::into), ..ListUsers::default() };
        client.list(&admin(), query).await.unwrap().users.into_iter().map(|user| user.email).collect::<Vec<_>>()
    };
    assert_eq!(emails(None).await, ["a_b@example.com", "ab@example.com", "c%d@example.com"]);
    assert_eq!(emails(Some("AB@")).await, ["ab@example.com"]);
    assert_eq!(emails(Some("_")).await, ["a_b@example.com"]);
    assert_eq!(emails(Some("%")).await, ["c%d@example.com"]);
    assert!(emails(Some("' OR 1=1--")).await.is_empty());

    let page = ListUsers { page: Some(2), per_page: Some(2), email: None };
    let page = client.list(&admin(), page).await.unwrap();
    assert_eq!((page.users.len(), page.pagination.total, page.pagination.pages), (1, 3, 2));
    let over = ListUsers { per_page: Some(101), ..ListUsers::default() };
    assert_eq!(code(client.list(&admin(), over).await), Code::InvalidArgument);
    assert_eq!(code(client.list(&customer(1), ListUsers::default()).await), Code::PermissionDenied);
}

async fn others_verify_accounts(client: UserClient, fixture: &Fixture) {
    let boss = fixture.boss("boss").await;
    let user = register(&client, "leyla@example.com").await.user;
    let access = SetAccess { is_active: false, role: Role::Admin };
    client.set_access(&boss, user.id, SetAccess { is_active: true, role: Role::Customer }).await.unwrap();
    for who in ["order", "gateway"] {
        let module = client.called_by(who);
        let verified = module.verify(&anonymous(), user.id).await.unwrap();
        assert_eq!((verified.user_id, verified.email.as_str()), (user.id, "leyla@example.com"));
        assert!(verified.is_active && !verified.is_admin);
        client.set_access(&boss, user.id, access.clone()).await.unwrap();
        let verified = module.verify(&anonymous(), user.id).await.unwrap();
        assert!(!verified.is_active && verified.is_admin);
        client.set_access(&boss, user.id, SetAccess { is_active: true, role: Role::Customer }).await.unwrap();
        assert_eq!(module.verify(&anonymous(), UserId(99)).await, Err(UserError::NotFound));
    }
    assert_eq!(code(client.called_by("cart").verify(&cx(&user), user.id).await), Code::PermissionDenied);
}

#[tokio::test]
async fn operators_make_admins() {
    let (users, fixture) = users(Stores::embedded()).await;
    let client = UserClient::local(users.clone());
    let admin = users.create_admin("Boss@Souk.test", PASSWORD).await.unwrap();
    assert!(admin.is_admin && admin.is_active && admin.email_confirmed && admin.email == "boss@souk.test");
    assert_eq!(fixture.events::<UserRegistered>(admin.id, 1).await[0].confirm_token, None);
    assert!(log_in(&client, "boss@souk.test", PASSWORD).await.is_ok());

    // another user has registered the address: the account becomes the admin's
    let squatter = register(&client, "chief@souk.test").await;
    let chief = users.create_admin("chief@souk.test", "Cumin-8-Lane").await.unwrap();
    assert!(chief.is_admin && chief.email_confirmed && chief.id == squatter.user.id);
    assert!(fixture.events::<UserChanged>(chief.id, 1).await[0].0.email_confirmed);
    assert_eq!(error(log_in(&client, "chief@souk.test", PASSWORD).await), UserError::WrongCredentials);
    assert_eq!(error(refresh(&client, &squatter.refresh_token).await), UserError::InvalidRefreshToken);
    assert!(log_in(&client, "chief@souk.test", "Cumin-8-Lane").await.ok().unwrap().user.is_admin);

    assert_eq!(users.create_admin("boss", PASSWORD).await.unwrap_err().to_string(), "Invalid email format");
    assert_eq!(code(users.create_admin("b@souk.test", "weak").await), Code::InvalidArgument);
    users.seed_demo().await.unwrap();
    assert!(log_in(&client, DEMO_ACCOUNTS[0].email, DEMO_ACCOUNTS[0].password).await.is_err(), "there are accounts");
}

#[tokio::test]
async fn the_demo_has_two_accounts() {
    let (users, _stores) = users(Stores::embedded()).await;
    let client = UserClient::local(users.clone());
    users.seed_demo().await.unwrap();
    users.seed_demo().await.unwrap();
    for account in DEMO_ACCOUNTS {
        let user = log_in(&client, account.email, account.password).await.ok().unwrap().user;
        assert_eq!((user.is_admin, user.email_confirmed), (account.is_admin, true));
    }
}

#[tokio::test]
async fn processes_share_one_signing_key() {
    let stores = Stores::embedded();
    let mut configs = Vec::new();
    for i in 0..8 {
        configs.push(Config { database_url: stores.database(&i.to_string()).await, ..config(&stores).await });
    }
    let opening: Vec<_> =
        configs.into_iter().map(|config| tokio::spawn(async move { start::<Users>(&config, ()).await.service })).collect();
    let mut keys = HashSet::new();
    for users in opening {
        keys.insert(UserClient::local(users.await.unwrap()).jwks(&anonymous()).await.unwrap().keys[0].kid.clone());
    }
    assert_eq!(keys.len(), 1);

    let file = config(&stores).await.signing_key_file;
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn the_signing_key_may_be_text() {
    let stores = Stores::embedded();
    let kid = async |config: &Config| {
        let users = UserClient::local(start::<Users>(config, ()).await.service);
        users.jwks(&anonymous()).await.unwrap().keys[0].kid.clone()
    };
    let of_file = config(&stores).await;
    let expected = kid(&of_file).await;
    let text = std::fs::read_to_string(&of_file.signing_key_file).unwrap();
    let missing = stores.folder().join("missing.pem");
    let of_text = Config { signing_key: text.as_str().into(), signing_key_file: missing.clone(), ..config(&stores).await };
    assert_eq!(kid(&of_text).await, expected);
    assert!(!missing.exists());
}

#[tokio::test]
async fn bad_settings_are_named() {
    let stores = Stores::embedded();
    let refused =
        async |config: Config| module::start::<Users>(&config, (), false, &Jobs::default()).await.err().unwrap().to_string();
    let missing = refused(Config { generate_signing_key: false, ..config(&stores).await }).await;
    assert!(missing.starts_with("user.signing_key_file: ") && missing.contains("not found"), "{missing}");
    let broken = stores.folder().join("broken.pem");
    std::fs::write(&broken, "nonsense").unwrap();
    let broken = refused(Config { signing_key_file: broken, ..config(&stores).await }).await;
    assert!(broken.contains("not an Ed25519 key"), "{broken}");
    let text = refused(Config { signing_key: "nonsense".into(), ..config(&stores).await }).await;
    assert_eq!(text, "user.signing_key: is not an Ed25519 key in PKCS #8");
    assert!(refused(Config { access_token_seconds: 59, ..config(&stores).await }).await.contains("user.access_token_seconds"));
    assert!(refused(Config { refresh_token_days: 0, ..config(&stores).await }).await.contains("user.refresh_token_days"));
}
