//! The HTTP side of a module: mounts what [`Dispatch`] answers on actix-web.
//!
//! Two kinds of servers do that: the gateway, for clients, and the service of a single module, for other modules. How they tell who
//! calls is their [`Entry`]; everything else is the same.

mod connection;
mod front;
mod listen;

pub use connection::Timeouts;
pub use front::front;
pub use listen::{Serving, listen};

use crate::{
    Code, Ctx, Dispatch, Fault, Incoming, InternalKey, MAX_DEADLINE, Method, Op, Problem, Reply, Trace, header,
    jobs::Jobs,
    ops::Readiness,
    token::{Ticket, Verifier, missing},
    wire::{NO_ENDPOINT, escape},
};
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, Resource, Route,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::{ConnectionType, StatusCode, header as http},
    middleware::Next,
    web,
};
use connection::Exchange;
use percent_encoding::percent_decode_str;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How a server admits requests.
pub trait Entry: Send + Sync + 'static {
    /// The path at which an operation is served; `None` when it is not.
    fn path(&self, op: &Op) -> Option<&'static str>;

    /// On whose behalf the request is, and until when.
    ///
    /// # Errors
    /// A problem with the status 401 when its credentials are not valid.
    fn ctx(&self, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>>;

    /// Looks at the whole request, once it has been read, and says in it whether one of our own processes sent it.
    ///
    /// # Errors
    /// When it is not the one that its credentials are for.
    fn check(&self, _request: &HttpRequest, _op: &Op, _incoming: &mut Incoming) -> Result<(), Box<Problem>> {
        Ok(())
    }

    /// Adds to the route of an operation what only this entry has, e.g. limits.
    fn route(&self, _op: &'static Op, route: Route) -> Route {
        route
    }
}

/// The entry for other modules: operations at their own paths, callers by internal tokens.
pub struct InternalEntry {
    verifier: Verifier,
}

impl InternalEntry {
    /// Admits who has a token signed with `key`.
    pub fn new(key: InternalKey) -> Self {
        Self { verifier: Verifier::new(key) }
    }
}

impl Entry for InternalEntry {
    fn path(&self, op: &Op) -> Option<&'static str> {
        Some(op.path)
    }

    fn ctx(&self, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>> {
        let token = bearer(request).ok_or_else(missing)?;
        let verified = self.verifier.verify(token, op)?;
        let left = text(request, header::DEADLINE).and_then(|ms| ms.parse().ok()).unwrap_or(5_000_u64);
        request.extensions_mut().insert(verified.ticket);
        Ok(Ctx::new(verified.principal, Duration::from_millis(left).min(MAX_DEADLINE)).via(verified.caller))
    }

    fn check(&self, request: &HttpRequest, op: &Op, incoming: &mut Incoming) -> Result<(), Box<Problem>> {
        incoming.from_peer = true;
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let ticket = request.extensions_mut().remove::<Ticket>().ok_or_else(missing)?;
        self.verifier.redeem(&ticket, op, target, incoming.body.as_deref().unwrap_or_default())
    }
}

/// The largest limit on a body that the gateway can be given, in bytes.
pub const MAX_BODY: usize = 16 << 20;

/// The largest body of an internal call, in bytes: whatever the gateway takes, with room for fields that it adds when it passes the
/// body on.
pub const MAX_INTERNAL_BODY: usize = 2 * MAX_BODY;

/// Serves the operations of `modules` that `entry` admits, with bodies of at most `max_body` bytes. Paths are grouped, so that a
/// wrong method is answered 405.
pub fn mount(cfg: &mut web::ServiceConfig, modules: &[Arc<dyn Dispatch>], entry: &Arc<dyn Entry>, max_body: usize) {
    let mut paths: BTreeMap<&str, Vec<(&Arc<dyn Dispatch>, usize)>> = BTreeMap::new();
    for module in modules {
        for (index, op) in module.ops().iter().enumerate() {
            if let Some(path) = entry.path(op) {
                paths.entry(path).or_default().push((module, index));
            }
        }
    }
    // `{` sorts after every letter: `/payments/process` is found before `/payments/{id}`, whichever module has it.
    for (path, ops) in paths {
        let mut resource = web::resource(path);
        let mut allowed = Vec::new();
        for (module, index) in ops {
            let op: &'static Op = &module.ops()[index];
            let (to, by) = (module.clone(), entry.clone());
            let route = method(op).to(move |request: HttpRequest, body: web::Payload| {
                answer(to.clone(), by.clone(), index, max_body, request, body)
            });
            resource = resource.route(entry.route(op, route));
            allowed.push(if op.is_read() { "GET, HEAD" } else { op.method.as_str() });
        }
        cfg.service(resource.default_service(method_not_allowed(allowed.join(", "))));
    }
}

/// The answer for methods that a path does not have.
pub(crate) fn method_not_allowed(allowed: String) -> Route {
    web::to(move |request: HttpRequest| {
        let mut response = problem(Fault::new(Code::MethodNotAllowed, "Method not allowed").into(), &request);
        if let Ok(value) = http::HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(http::ALLOW, value);
        }
        std::future::ready(response)
    })
}

/// A path that is only read.
pub(crate) fn page(path: &str) -> Resource {
    web::resource(path).default_service(method_not_allowed("GET, HEAD".into()))
}

fn method(op: &Op) -> Route {
    match op.method {
        Method::Get => reading(),
        Method::Post => web::post(),
        Method::Put => web::put(),
        Method::Delete => web::delete(),
    }
}

/// A route for GET and HEAD, which go together (RFC 9110 §9.1).
pub fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn answer(
    module: Arc<dyn Dispatch>,
    entry: Arc<dyn Entry>,
    index: usize,
    max_body: usize,
    request: HttpRequest,
    body: web::Payload,
) -> HttpResponse {
    let op = &module.ops()[index];
    let fail = |p: Problem| problem(op.declared(p), &request);
    // who may not call need not send a body
    let cx = match admit(&*entry, &request, op) {
        Ok(cx) => cx,
        Err(p) => return fail(*p),
    };
    let mut incoming = match read(&request, body, op, max_body).await {
        Ok(incoming) => incoming,
        Err(fault) => return fail(fault.into()),
    };
    if let Err(p) = entry.check(&request, op, &mut incoming) {
        return fail(*p);
    }
    let mut response = match module.dispatch(index, cx.clone(), incoming).await {
        Reply::Failed(p) => problem(*p, &request),
        Reply::Done { status, body } => {
            let mut response = HttpResponseBuilder::new(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
            if body.is_empty() { response.finish() } else { response.content_type("application/json").body(body) }
        }
    };
    if cx.is_replayed() {
        let (name, value) = (http::HeaderName::from_static(header::IDEMPOTENT_REPLAYED), http::HeaderValue::from_static("true"));
        response.headers_mut().insert(name, value);
    }
    response
}

fn admit(entry: &dyn Entry, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>> {
    let cx = entry.ctx(request, op).inspect_err(|p| {
        if p.status == Code::Unauthenticated.status() && bearer(request).is_some() {
            request.extensions_mut().insert(TokenError("invalid_token"));
        }
    })?;
    crate::call::admit(op, &cx, None).inspect_err(|fault| {
        if fault.code() == Code::PermissionDenied {
            request.extensions_mut().insert(TokenError("insufficient_scope"));
        }
    })?;
    Ok(with_headers(cx, request)?)
}

/// What is wrong with the token of a request, in the words of RFC 6750 §3.1.
struct TokenError(&'static str);

fn with_headers(mut cx: Ctx, request: &HttpRequest) -> Result<Ctx, Fault> {
    if let Some(trace) = request.extensions().get::<Trace>() {
        cx = cx.in_trace(*trace);
    }
    if let Some(key) = request.headers().get(header::IDEMPOTENCY_KEY) {
        // of what is not printable, `to_str` lets the tab through
        let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && !key.contains('\t'));
        let rule = "must have 1 to 255 printable ASCII characters";
        cx = cx.with_key(key.ok_or_else(|| Fault::invalid("/Idempotency-Key", rule))?);
    }
    Ok(cx)
}

async fn read(request: &HttpRequest, body: web::Payload, op: &Op, max_body: usize) -> Result<Incoming, Fault> {
    let decode = |(name, value): (&str, &str)| {
        let decoded = percent_decode_str(value).decode_utf8();
        let good = decoded.ok().filter(|text| !text.contains('\0'));
        good.map(|text| (name.to_owned(), text.into_owned())).ok_or_else(|| Fault::invalid(format!("/{name}"), NOT_TEXT))
    };
    let params = request.match_info().iter().map(decode).collect::<Result<_, _>>()?;
    let query = request.query_string().to_owned();
    if let Some(name) = not_text(&query) {
        return Err(Fault::invalid(format!("/{}", escape(&name)), NOT_TEXT));
    }
    let takes_body = matches!(op.method, Method::Post | Method::Put);
    let body = if takes_body { read_body(request, body, max_body).await? } else { None };
    // PUT replaces: nothing is no answer to the question by what
    let body = body.or_else(|| (op.method == Method::Put).then(Vec::new));
    Ok(Incoming { params, query, body, from_peer: false })
}

const NOT_TEXT: &str = "must be text in UTF-8 without the character U+0000";

/// The first parameter of a query whose name or value is no text.
fn not_text(query: &str) -> Option<String> {
    let is_text = |part: &str| percent_decode_str(part).decode_utf8().is_ok_and(|text| !text.contains('\0'));
    let bad = query.split('&').find(|pair| !is_text(pair))?;
    let name = bad.split('=').next().unwrap_or_default();
    Some(percent_decode_str(name).decode_utf8_lossy().replace('\0', "\u{fffd}"))
}

async fn read_body(request: &HttpRequest, body: web::Payload, max_body: usize) -> Result<Option<Vec<u8>>, Fault> {
    let bytes = receive(request, body, max_body).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    check_form(request)?;
    Ok(Some(bytes.into()))
}

/// The body of a request, of at most `max_body` bytes, when it arrives in time.
pub(crate) async fn receive(request: &HttpRequest, body: web::Payload, max_body: usize) -> Result<web::Bytes, Fault> {
    let too_large = || Fault::new(Code::PayloadTooLarge, format!("The body must have at most {max_body} bytes"));
    let length = text(request, http::CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > max_body) {
        return Err(too_large());
    }
    let exchange = request.conn_data::<Exchange>();
    let patience = exchange.map_or_else(Timeouts::default, Exchange::timeouts).body();
    let bytes = match tokio::time::timeout(patience, body.to_bytes_limited(max_body)).await {
        Ok(Ok(Ok(bytes))) => bytes,
        Ok(Ok(Err(_))) => return Err(Fault::new(Code::InvalidArgument, "The body could not be read")),
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => return Err(Fault::new(Code::InvalidArgument, "The body took too long to arrive")),
    };
    if let Some(exchange) = exchange {
        exchange.body_is_read();
    }
    Ok(bytes)
}

/// That a body is what we can read: JSON in UTF-8, as it is.
fn check_form(request: &HttpRequest) -> Result<(), Fault> {
    let refused = |name, rule| {
        let pointer = format!("/{}", header_name(&name));
        Fault::new(Code::UnsupportedMediaType, format!("{} {rule}", header_name(&name))).at(pointer, rule)
    };
    if request.headers().get_all(http::CONTENT_ENCODING).any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(refused(http::CONTENT_ENCODING, "must be identity: a body cannot be compressed"));
    }
    let media_type = request.mime_type().ok().flatten();
    let media_type = media_type.filter(|kind| kind.suffix().unwrap_or_else(|| kind.subtype()) == "json");
    match media_type.ok_or_else(|| refused(http::CONTENT_TYPE, "must be application/json"))?.get_param("charset") {
        Some(charset) if charset != "utf-8" => Err(refused(http::CONTENT_TYPE, "must have no other charset than utf-8")),
        _ => Ok(()),
    }
}

/// The name of a header as it is usually written: `Idempotency-Key`.
fn header_name(name: &http::HeaderName) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    name.as_str().split('-').filter(|part| !part.is_empty()).map(capital).collect::<Vec<_>>().join("-")
}

/// The token of an `Authorization: Bearer` header (RFC 6750).
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = text(request, http::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// A problem document as the response to `request`.
pub fn problem(mut problem: Problem, request: &HttpRequest) -> HttpResponse {
    problem.instance = Some(request.path().to_owned());
    if problem.trace_id.is_none() {
        problem.trace_id = request.extensions().get::<Trace>().map(Trace::id);
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponseBuilder::new(status);
    match request.extensions().get::<TokenError>() {
        Some(TokenError(error)) if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) => {
            response.insert_header((http::WWW_AUTHENTICATE, format!("Bearer error=\"{error}\"")));
        }
        // no word about an error to those who did not know that a token is needed
        _ if status == StatusCode::UNAUTHORIZED => {
            response.insert_header((http::WWW_AUTHENTICATE, "Bearer"));
        }
        _ => {}
    }
    if let Some(seconds) = problem.retry_after {
        response.insert_header((http::RETRY_AFTER, seconds));
    }
    response.content_type(Problem::MEDIA_TYPE).json(problem)
}

/// The answer for paths that do not exist.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    problem(Fault::new(Code::NotFound, NO_ENDPOINT).into(), &request)
}

/// Serves the `/health` of a single module's service.
pub fn health(cfg: &mut web::ServiceConfig, module: &'static str, readiness: Readiness) {
    let health = move || {
        let readiness = readiness.clone();
        async move {
            let (status, word) = match readiness.report().await.status {
                "ready" => (StatusCode::OK, "healthy"),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
            };
            let service = format!("{module}-service");
            HttpResponseBuilder::new(status).json(serde_json::json!({"status": word, "service": service}))
        }
    };
    cfg.service(page("/health").route(reading().to(health)));
}

/// Closes connections as they are answered when the process is about to end, so that nobody sends another request on one that goes
/// away. A middleware for `actix_web::middleware::from_fn`.
///
/// # Errors
/// Those of the service inside.
pub async fn close_when_draining<B: MessageBody>(
    jobs: Jobs,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    if jobs.is_draining() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
