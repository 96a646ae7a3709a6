//! Mounts the operations of modules on actix-web: admits a request, reads it, lets the module answer, and writes its reply.

use super::{
    download,
    entry::Entry,
    request::{PATCHES, bearer, head, if_none_match, json, with_headers},
    response::{TokenError, method_not_allowed, problem, reading},
    upload,
};
use crate::{Code, Ctx, Dispatch, ETag, Method, Op, Problem, Reply, call, etag::Had, header, telemetry::Asked};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, Route,
    http::{StatusCode, header as http},
    web,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{collections::BTreeMap, sync::Arc};

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

fn method(op: &Op) -> Route {
    match op.method {
        Method::Get => reading(),
        Method::Post => web::post(),
        Method::Put => web::put(),
        Method::Patch => web::patch(),
        Method::Delete => web::delete(),
    }
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
    let fail = |p: Problem| {
        let mut response = problem(op.declared(p), &request);
        if op.method == Method::Patch && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // RFC 5789 §3.1
            let (name, value) = (http::HeaderName::from_static("accept-patch"), http::HeaderValue::from_static(PATCHES));
            response.headers_mut().insert(name, value);
        }
        response
    };
    // a caller without access need not send a body
    let cx = match admit(&*entry, &request, op) {
        Ok(cx) => cx,
        Err(p) => return fail(*p),
    };
    request.extensions_mut().insert(Asked { op: op.id, user: cx.user().ok().map(|user| user.0) });
    let had = match if_none_match(&request, op) {
        Ok(had) => had,
        Err(fault) => return fail(fault.into()),
    };
    let mut incoming = match head(&request, op) {
        Ok(incoming) => incoming,
        Err(fault) => return fail(fault.into()),
    };
    let mut pump = None;
    if op.upload.is_some() {
        match upload::open(&request, body) {
            Ok((upload, pumping)) => (incoming.upload, pump) = (Some(upload), Some(pumping)),
            Err(fault) => return fail(fault.into()),
        }
    } else {
        match json(&request, body, op, max_body).await {
            Ok(body) => incoming.body = body,
            Err(fault) => return fail(fault.into()),
        }
    }
    if let Err(p) = entry.check(&request, op, &mut incoming) {
        return fail(*p);
    }
    let answer = module.dispatch(index, cx.clone(), incoming);
    let reply = match pump {
        Some(pump) => pump.until(answer).await,
        None => answer.await,
    };
    let mut response = match reply {
        Reply::Failed(p) => problem(*p, &request),
        Reply::Streamed(answer) => download::respond(answer, had.as_ref(), &request),
        Reply::Done { status, body, etag } => done(op, status, body, etag, had),
    };
    if cx.is_replayed() {
        let (name, value) = (http::HeaderName::from_static(header::IDEMPOTENT_REPLAYED), http::HeaderValue::from_static("true"));
        response.headers_mut().insert(name, value);
    }
    response
}

fn done(op: &Op, status: u16, body: Vec<u8>, etag: Option<ETag>, had: Option<Had>) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    if let Some(etag) = &etag {
        response.insert_header((http::ETAG, etag.as_str()));
    }
    if op.localized {
        response.insert_header((http::VARY, "Accept-Language"));
    }
    if let (Some(etag), true) = (&etag, op.is_read()) {
        // the caller alone may keep a copy, and asks before using it
        response.insert_header((http::CACHE_CONTROL, "private, no-cache"));
        if had.is_some_and(|had| had.has(etag)) {
            return response.status(StatusCode::NOT_MODIFIED).finish();
        }
    }
    if let Some(location) = op.location.and_then(|template| location(template, &body)) {
        response.insert_header((http::LOCATION, location));
    }
    if body.is_empty() { response.finish() } else { response.content_type("application/json").body(body) }
}

/// Puts members of an answer into a path.
fn location(template: &str, body: &[u8]) -> Option<String> {
    let answer: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).ok()?;
    let segments = template.split('/').map(|segment| {
        let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return Some(segment.into()) };
        match answer.get(name)? {
            serde_json::Value::Number(number) => Some(number.to_string()),
            serde_json::Value::String(text) => Some(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()),
            _ => None,
        }
    });
    Some(segments.collect::<Option<Vec<_>>>()?.join("/"))
}

fn admit(entry: &dyn Entry, request: &HttpRequest, op: &Op) -> Result<Ctx, Box<Problem>> {
    let cx = entry.ctx(request, op).inspect_err(|p| {
        if p.status == Code::Unauthenticated.status() && bearer(request).is_some() {
            request.extensions_mut().insert(TokenError("invalid_token"));
        }
    })?;
    call::admit(op, &cx, None).inspect_err(|fault| {
        if fault.code() == Code::PermissionDenied {
            request.extensions_mut().insert(TokenError("insufficient_scope"));
        }
    })?;
    Ok(with_headers(cx, request, op)?)
}
