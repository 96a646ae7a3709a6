//! Reading a request: its headers, parameters and body.

use super::connection::{Exchange, Timeouts};
use crate::{Code, Ctx, Fault, Incoming, Languages, Method, Op, Trace, etag::Had, header, wire::escape};
use actix_web::{HttpMessage, HttpRequest, http::header as http, web};
use percent_encoding::percent_decode_str;

/// The same call with the trace, the idempotency key and the wanted languages of the request.
pub(super) fn with_headers(mut cx: Ctx, request: &HttpRequest, op: &Op) -> Result<Ctx, Fault> {
    if let Some(trace) = request.extensions().get::<Trace>() {
        cx = cx.in_trace(*trace);
    }
    if let Some(key) = request.headers().get(header::IDEMPOTENCY_KEY) {
        // of the unprintable characters, `to_str` accepts the tab
        let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && !key.contains('\t'));
        let rule = "must have 1 to 255 printable ASCII characters";
        cx = cx.with_key(key.ok_or_else(|| Fault::invalid("/Idempotency-Key", rule))?);
    }
    // a header that cannot be read says nothing
    if op.localized
        && let Ok(Some(header)) = list(request, &http::ACCEPT_LANGUAGE)
    {
        cx = cx.with_languages(Languages::accepted(&header));
    }
    Ok(cx)
}

/// The arguments of a call of `op`, without the body.
pub(super) fn head(request: &HttpRequest, op: &Op) -> Result<Incoming, Fault> {
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
    let if_match = if op.is_read() { None } else { list(request, &http::IF_MATCH)? };
    Ok(Incoming { params, query, body: None, upload: None, if_match, from_peer: false })
}

/// What the caller of an operation has already, if the answer can be compared with it.
pub(super) fn if_none_match(request: &HttpRequest, op: &Op) -> Result<Option<Had>, Fault> {
    let name = http::IF_NONE_MATCH;
    let header = if (op.etag || !op.download.is_empty()) && op.is_read() { list(request, &name)? } else { None };
    let rule = |rule| Fault::invalid(format!("/{}", header_name(&name)), rule);
    header.map(|header| Had::of(&header).map_err(rule)).transpose()
}

/// The value of a header that is a list, whose lines are one list together (RFC 9110 §5.3).
fn list(request: &HttpRequest, name: &http::HeaderName) -> Result<Option<String>, Fault> {
    let lines = request.headers().get_all(name).map(|line| line.to_str());
    let lines: Vec<_> = lines
        .collect::<Result<_, _>>()
        .map_err(|_| Fault::invalid(format!("/{}", header_name(name)), "must have printable ASCII characters only"))?;
    Ok((!lines.is_empty()).then(|| lines.join(",")))
}

const NOT_TEXT: &str = "must be text in UTF-8 without the character U+0000";

/// The first parameter of a query whose name or value is not text.
fn not_text(query: &str) -> Option<String> {
    let is_text = |part: &str| percent_decode_str(part).decode_utf8().is_ok_and(|text| !text.contains('\0'));
    let bad = query.split('&').find(|pair| !is_text(pair))?;
    let name = bad.split('=').next().unwrap_or_default();
    Some(percent_decode_str(name).decode_utf8_lossy().replace('\0', "\u{fffd}"))
}

/// The JSON body of a call of `op`.
pub(super) async fn json(request: &HttpRequest, body: web::Payload, op: &Op, max_body: usize) -> Result<Option<Vec<u8>>, Fault> {
    if !op.method.takes_body() {
        return Ok(None);
    }
    let bytes = receive(request, body, max_body).await?;
    if bytes.is_empty() {
        // PUT replaces: an empty body must not remove everything by accident; a PATCH without one is a mistake, too
        return Ok(matches!(op.method, Method::Put | Method::Patch).then(Vec::new));
    }
    check_form(request, op)?;
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

/// The media types of patches.
pub(super) const PATCHES: &str = "application/merge-patch+json, application/json";

/// Checks that a body is JSON in UTF-8, and not compressed.
fn check_form(request: &HttpRequest, op: &Op) -> Result<(), Fault> {
    check_encoding(request)?;
    let media_type = request.mime_type().ok().flatten();
    let (media_type, rule) = match op.method {
        // application/json-patch+json has another meaning
        Method::Patch => (
            media_type.filter(|kind| PATCHES.split(", ").any(|patch| kind.essence_str() == patch)),
            "must be application/merge-patch+json or application/json",
        ),
        // a patch that is sent as something else would replace what it leaves out
        _ => (
            media_type.filter(|kind| {
                kind.suffix().unwrap_or_else(|| kind.subtype()) == "json" && !kind.subtype().as_str().ends_with("-patch")
            }),
            "must be application/json",
        ),
    };
    match media_type.ok_or_else(|| refused(&http::CONTENT_TYPE, rule))?.get_param("charset") {
        Some(charset) if charset != "utf-8" => Err(refused(&http::CONTENT_TYPE, "must have no other charset than utf-8")),
        _ => Ok(()),
    }
}

/// Checks that a body is not compressed.
pub(super) fn check_encoding(request: &HttpRequest) -> Result<(), Fault> {
    let is_plain = |encoding: &http::HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if request.headers().get_all(http::CONTENT_ENCODING).all(is_plain) {
        return Ok(());
    }
    Err(refused(&http::CONTENT_ENCODING, "must be identity: a body cannot be compressed"))
}

fn refused(name: &http::HeaderName, rule: &str) -> Fault {
    let pointer = format!("/{}", header_name(name));
    Fault::new(Code::UnsupportedMediaType, format!("{} {rule}", header_name(name))).at(pointer, rule)
}

/// The name of a header as it is usually written: `Idempotency-Key`.
pub(super) fn header_name(name: &http::HeaderName) -> String {
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    name.as_str().split('-').filter(|part| !part.is_empty()).map(capital).collect::<Vec<_>>().join("-")
}

/// The token of an `Authorization: Bearer` header (RFC 6750).
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = text(request, http::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
