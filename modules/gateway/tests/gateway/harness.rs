//! A gateway, a user module that obeys, and tokens of all sorts.

use actix_web::{
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, call_service, init_service, read_body},
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    signature::Ed25519KeyPair,
};
use gateway::{Config, Gateway};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode, get_current_timestamp,
    jwk::{AlgorithmParameters, Jwk},
};
use kernel::{
    BoxFuture, Code, Ctx, Dispatch, Fault, Health, Instances, InternalKey, Pagination, Transport, UserId, jobs::Jobs, now,
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;
use user::*;

/// A shop with everyone logged in who wants to be.
pub(crate) struct Shop {
    pub(crate) users: Users,
    pub(crate) key: SigningKey,
    pub(crate) gateway: Gateway,
    pub(crate) stop: Jobs,
}

pub(crate) fn shop(config: &Config) -> Shop {
    let users = Users::default();
    let key = SigningKey::new("k1");
    users.publish(&[&key]);
    let (store, stop) = (Store::default(), Jobs::default());
    let gateway = start(config, &users, &store, &stop).unwrap();
    Shop { users, key, gateway, stop }
}

pub(crate) fn start(config: &Config, users: &Users, store: &Store, stop: &Jobs) -> Result<Gateway, kernel::BoxError> {
    let client = UserClient::local(users.clone());
    let watched = ["user", "product", "cart", "order", "payment", "notification"]
        .map(|name| (name, Instances::Local(Arc::new(store.clone()))));
    gateway::start(config, modules(&client), client, watched.into(), stop)
}

/// The clients of all modules, in the gateway's hands.
pub(crate) fn modules(users: &UserClient) -> Vec<Arc<dyn Dispatch>> {
    let unreachable = || Transport::http(vec!["http://127.0.0.1:9".into()], InternalKey::random());
    vec![
        Arc::new(users.called_by("gateway")),
        Arc::new(product::ProductClient::remote(unreachable()).called_by("gateway")),
        Arc::new(cart::CartClient::remote(unreachable()).called_by("gateway")),
        Arc::new(order::OrderClient::remote(unreachable()).called_by("gateway")),
        Arc::new(payment::PaymentClient::remote(unreachable()).called_by("gateway")),
        Arc::new(notification::NotificationClient::remote(unreachable()).called_by("gateway")),
    ]
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The name of the problem that it is.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", String::from_utf8_lossy(&self.body));
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["trace_id"].as_str().unwrap().len(), 32);
        assert!(problem["instance"].is_string());
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl Shop {
    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        send_to(&self.gateway, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path)).await
    }

    /// A token of a customer.
    pub(crate) fn token(&self, user: i64) -> String {
        self.key.sign(claims(user))
    }
}

/// Sends one request to a worker of its own.
pub(crate) async fn send_to(gateway: &Gateway, request: TestRequest) -> Answer {
    let worker = init_service(gateway.app()).await;
    let response = call_service(&worker, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: read_body(response).await.to_vec() }
}

pub(crate) fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).peer_addr("203.0.113.1:4711".parse().unwrap())
}

pub(crate) fn post(path: &str, body: &Value) -> TestRequest {
    get(path).method(Method::POST).set_json(body)
}

pub(crate) fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {token}")))
}

/// The claims of a good access token of a customer.
pub(crate) fn claims(user: i64) -> Value {
    let now = get_current_timestamp();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": user.to_string(), "role": "customer", "sid": format!("s{user}"),
        "iat": now, "exp": now + 900, "jti": "1",
    })
}

/// `claims` with one of them changed, or without it when `value` is null.
pub(crate) fn but(mut claims: Value, name: &str, value: Value) -> Value {
    let all = claims.as_object_mut().unwrap();
    if value.is_null() {
        all.remove(name)
    } else {
        all.insert(name.into(), value)
    };
    claims
}

/// An Ed25519 key that signs tokens.
pub(crate) struct SigningKey {
    pub(crate) kid: &'static str,
    pub(crate) secret: EncodingKey,
    /// The public key, base64url.
    pub(crate) public: String,
}

impl SigningKey {
    pub(crate) fn new(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let secret = EncodingKey::from_ed_der(der.as_ref());
        let AlgorithmParameters::OctetKeyPair(public) = Jwk::from_encoding_key(&secret, Algorithm::EdDSA).unwrap().algorithm
        else {
            panic!("Ed25519 keys are octet key pairs")
        };
        Self { kid, secret, public: public.x }
    }

    pub(crate) fn header(&self) -> Header {
        Header { typ: Some("at+jwt".into()), kid: Some(self.kid.into()), ..Header::new(Algorithm::EdDSA) }
    }

    pub(crate) fn sign(&self, claims: Value) -> String {
        encode(&self.header(), &claims, &self.secret).unwrap()
    }
}

/// A store that can be broken.
#[derive(Clone, Default)]
pub(crate) struct Store {
    pub(crate) is_broken: Arc<AtomicBool>,
}

impl Health for Store {
    fn name(&self) -> &str {
        "store"
    }

    fn check(&self) -> BoxFuture<Result<(), Fault>> {
        let broken = self.is_broken.load(Ordering::Relaxed);
        Box::pin(
            async move { if broken { Err(Fault::unavailable("Store not available", "broken by the test")) } else { Ok(()) } },
        )
    }
}

/// A user module in which everyone has a profile and is an active admin, and no password is right.
#[derive(Clone)]
pub(crate) struct Users(Arc<State>);

struct State {
    keys: Mutex<Option<Jwks>>,
    ended: Mutex<Vec<String>>,
    polls: watch::Sender<u32>,
    removed: Mutex<Vec<UserId>>,
    is_away: AtomicBool,
}

impl Default for Users {
    fn default() -> Self {
        let polls = watch::Sender::new(0);
        let (keys, ended, removed, is_away) = Default::default();
        Self(Arc::new(State { keys, ended, polls, removed, is_away }))
    }
}

impl Users {
    /// From now on these keys sign.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        let jwk = |key: &&SigningKey| user::Jwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: key.public.clone(),
            kid: key.kid.into(),
            alg: "EdDSA".into(),
            usage: "sig".into(),
        };
        *self.0.keys.lock().unwrap() = Some(Jwks { keys: keys.iter().map(jwk).collect() });
    }

    /// Takes an admin's role away. Its token still says otherwise, and its session is not among the ended ones that are known.
    pub(crate) fn remove(&self, admin: i64) {
        self.0.removed.lock().unwrap().push(UserId(admin));
    }

    /// From now on it answers nothing that is asked of it behind a request; or it does again.
    pub(crate) fn be_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), Fault> {
        if self.0.is_away.load(Ordering::Relaxed) { Err(Fault::away("Service user not available")) } else { Ok(()) }
    }

    /// Returns when the gateway has asked for ended sessions again, and has taken the answer in.
    pub(crate) async fn polled(&self) {
        let mut polls = self.0.polls.subscribe();
        // when the second poll from now begins, the answer of the first has been taken in
        let second = *polls.borrow() + 2;
        polls.wait_for(|polls| *polls >= second).await.unwrap();
    }

    /// Ends a session, and returns when the gateway has heard of it.
    pub(crate) async fn end(&self, sid: &str) {
        self.0.ended.lock().unwrap().push(sid.into());
        self.polled().await;
    }
}

fn absent<T>() -> Result<T, UserError> {
    Err(UserError::NotFound)
}

impl UserApi for Users {
    async fn register(&self, _: &Ctx, _: Register) -> Result<AuthReply, UserError> {
        Err(UserError::EmailTaken)
    }

    async fn login(&self, _: &Ctx, _: Login) -> Result<AuthReply, UserError> {
        Err(UserError::WrongCredentials)
    }

    async fn refresh(&self, _: &Ctx, _: Refresh) -> Result<AuthReply, UserError> {
        Err(UserError::InvalidRefreshToken)
    }

    async fn logout(&self, _: &Ctx, _: Refresh) -> Result<(), UserError> {
        Ok(())
    }

    async fn jwks(&self, _: &Ctx) -> Result<Jwks, UserError> {
        let keys = self.0.keys.lock().unwrap().clone();
        Ok(keys.ok_or_else(|| Fault::new(Code::Unavailable, "Service user not available"))?)
    }

    async fn revoked(&self, cx: &Ctx, _: RevokedSince) -> Result<RevokedSessions, UserError> {
        assert_eq!(cx.caller(), Some("gateway"));
        let sessions = self.0.ended.lock().unwrap().clone();
        self.0.polls.send_modify(|polls| *polls += 1);
        self.check()?;
        Ok(RevokedSessions { sessions, as_of: now() })
    }

    async fn profile(&self, _: &Ctx, user: UserId) -> Result<Profile, UserError> {
        let user = User {
            id: user,
            email: "a@example.com".into(),
            email_confirmed: true,
            first_name: "A".into(),
            last_name: "B".into(),
            phone: None,
            is_active: true,
            is_admin: false,
            created_at: now(),
        };
        Ok(Profile { user, addresses: Vec::new() })
    }

    async fn change_profile(&self, _: &Ctx, _: UserId, _: ProfileChange) -> Result<User, UserError> {
        absent()
    }

    async fn confirm_email(&self, _: &Ctx, _: EmailToken) -> Result<(), UserError> {
        Err(UserError::InvalidEmailToken)
    }

    async fn disown_email(&self, _: &Ctx, _: EmailToken) -> Result<(), UserError> {
        Err(UserError::InvalidEmailToken)
    }

    async fn request_confirmation(&self, _: &Ctx, _: UserId) -> Result<(), UserError> {
        absent()
    }

    async fn change_password(&self, _: &Ctx, _: UserId, _: ChangePassword) -> Result<(), UserError> {
        absent()
    }

    async fn addresses(&self, _: &Ctx, _: UserId) -> Result<Vec<Address>, UserError> {
        panic!("a bug")
    }

    async fn add_address(&self, _: &Ctx, _: UserId, _: NewAddress) -> Result<Address, UserError> {
        absent()
    }

    async fn change_address(&self, _: &Ctx, _: UserId, _: AddressId, _: NewAddress) -> Result<Address, UserError> {
        absent()
    }

    async fn delete_address(&self, _: &Ctx, _: UserId, _: AddressId) -> Result<(), UserError> {
        absent()
    }

    async fn list(&self, _: &Ctx, _: ListUsers) -> Result<UserPage, UserError> {
        Ok(UserPage { users: Vec::new(), pagination: Pagination::new(1, 10, 0) })
    }

    async fn set_access(&self, _: &Ctx, _: UserId, _: SetAccess) -> Result<User, UserError> {
        absent()
    }

    async fn verify(&self, cx: &Ctx, user: UserId) -> Result<Verified, UserError> {
        assert_eq!(cx.caller(), Some("gateway"));
        self.check()?;
        let is_admin = !self.0.removed.lock().unwrap().contains(&user);
        Ok(Verified { user_id: user, email: "a@example.com".into(), is_active: true, is_admin })
    }
}
