//! The outermost middleware of every server: it refuses ambiguous requests, turns errors of the framework into problem documents,
//! and adds the security headers for browsers.

use super::{connection::Exchange, request::header_name, response::problem};
use crate::{Code, Fault, Problem, telemetry::Recorded};
use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
        uri::Authority,
    },
    middleware::Next,
};
use std::{net::Ipv6Addr, task::Poll};
use tracing::{Instrument, Span};

/// The longest target of a request, in bytes; RFC 9112 §3 recommends to take at least 8,000.
const LONGEST_TARGET: usize = 8 << 10;
/// The headers of a request may have this many bytes together.
const LARGEST_HEAD: usize = 32 << 10;

/// Headers that have one value. Given twice, one program may use the first and the next one the second.
const SINGLE: [HeaderName; 18] = [
    header::ACCESS_CONTROL_REQUEST_METHOD,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::FROM,
    header::HOST,
    header::IF_MODIFIED_SINCE,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::MAX_FORWARDS,
    header::ORIGIN,
    header::PROXY_AUTHORIZATION,
    header::RANGE,
    header::REFERER,
    header::USER_AGENT,
    HeaderName::from_static(crate::header::DEADLINE),
    HeaderName::from_static(crate::header::IDEMPOTENCY_KEY),
];

/// The middleware, for `actix_web::middleware::from_fn`. It belongs inside the one that logs, and outside everything else.
///
/// # Errors
/// Those of the service inside.
pub async fn front<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let exchange = request.conn_data::<Exchange>().cloned();
    let answering = exchange.as_ref().map(Exchange::begin);
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let (mut response, is_refused) = match check(&request) {
        Err(refused) => {
            let response = problem(*refused, request.request());
            (request.into_response(response).map_into_right_body(), true)
        }
        Ok(()) => {
            let recorded = request.extensions().get::<Recorded>().map_or(Span::none(), |Recorded(span)| span.clone());
            let response = next.call(request).instrument(recorded).await?;
            (if is_plain_error(&response) { restate(response) } else { response.map_into_left_body() }, false)
        }
    };
    add_headers(&mut response);
    let is_cut_short = is_chunked && exchange.as_ref().is_some_and(|exchange| !exchange.is_body_read());
    if is_refused || is_cut_short {
        // the parser would go on reading a chunked body for as long as it is sent
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        if let Some(exchange) = &exchange {
            exchange.is_the_last();
            // so that the connection polls again
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(())
            })
            .await;
        }
    }
    drop(answering);
    Ok(response)
}

/// Refuses requests that different programs understand differently, and ones that no real client sends.
fn check(request: &ServiceRequest) -> Result<(), Box<Problem>> {
    let (uri, headers) = (request.uri(), request.headers());
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        let detail = format!("The target of the request must have at most {LONGEST_TARGET} bytes");
        return Err(with_status(414, "URI too long", detail));
    }
    if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > LARGEST_HEAD {
        let detail = format!("The headers must have at most {LARGEST_HEAD} bytes together");
        return Err(with_status(431, "Request header fields too large", detail));
    }
    if request.method().as_str().len() > 32 {
        return Err(Fault::new(Code::InvalidArgument, "The method of the request is too long").into());
    }
    if let Some(name) = SINGLE.iter().find(|name| headers.get_all(*name).nth(1).is_some()) {
        return Err(invalid(name, "is given twice"));
    }
    let is_web = uri.scheme_str().is_none_or(|scheme| ["http", "https"].contains(&scheme));
    let is_path = uri.path().starts_with('/') || (request.method() == Method::OPTIONS && uri.path() == "*");
    if !is_web || !is_path || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(Fault::new(Code::InvalidArgument, "The target of the request must be a path").into());
    }
    match headers.get(header::HOST) {
        Some(host) if !is_host(host) => return Err(invalid(&header::HOST, "must be a host, and a port if it has one")),
        // the parser has refused HTTP/1.1 without one
        _ => {}
    }
    // the parser takes everything that follows for its body, whatever length the request states
    if has_token(headers, &header::UPGRADE, "websocket") {
        return Err(invalid(&header::UPGRADE, "must not ask for websocket: there is none"));
    }
    Ok(())
}

/// RFC 9110 §7.2; of the names that RFC 3986 allows only ones that can be in use.
fn is_host(value: &HeaderValue) -> bool {
    let Some(authority) = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()) else { return false };
    let host = authority.host();
    let is_name = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let is_address =
        host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    let is_port =
        |port: &str| port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    (is_name || is_address) && authority.as_str().strip_prefix(host).is_some_and(is_port)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|entry| entry.trim().eq_ignore_ascii_case(token))
}

fn invalid(name: &HeaderName, detail: &str) -> Box<Problem> {
    Fault::invalid(format!("/{}", header_name(name)), detail).into()
}

/// A problem with a status that no operation answers, and that therefore has no code of its own.
fn with_status(status: u16, title: &str, detail: String) -> Box<Problem> {
    let fault = Fault::new(Code::InvalidArgument, detail);
    Box::new(Problem { status, title: title.into(), ..fault.into() })
}

fn add_headers<B>(response: &mut ServiceResponse<B>) {
    const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
    let is_failure = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::CROSS_ORIGIN_OPENER_POLICY, "same-origin");
    if !headers.contains_key(header::CROSS_ORIGIN_RESOURCE_POLICY) {
        // pictures may be shown on the pages of a shop at another origin
        headers.insert(header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        // pages have policies of their own
        headers.insert(header::CONTENT_SECURITY_POLICY, NOTHING);
    }
    if is_failure && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Whether it is an error of the framework, which has no body or one in plain text.
fn is_plain_error<B>(response: &ServiceResponse<B>) -> bool {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return false;
    }
    let media_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    media_type.is_none_or(|media_type| media_type.starts_with(b"text/plain"))
}

fn restate<B>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B, BoxBody>> {
    let (request, plain) = response.into_parts();
    let code = Code::of_status(plain.status().as_u16());
    let detail = match plain.error() {
        // e.g. "Origin is not allowed to make this request."
        Some(error) if plain.status() == StatusCode::BAD_REQUEST => error.to_string(),
        _ => code.title().to_owned(),
    };
    let mut restated = problem(Fault::new(code, detail).into(), &request);
    for (name, value) in plain.headers() {
        if name != header::CONTENT_TYPE {
            restated.headers_mut().insert(name.clone(), value.clone());
        }
    }
    if code == Code::MethodNotAllowed && !restated.headers().contains_key(header::ALLOW) {
        // operations set the header themselves; this is one of the probes or the document
        restated.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    ServiceResponse::new(request, restated).map_into_right_body()
}
