//! Responses that are not the reply of an operation: problem documents, and the answers of unknown paths and methods.

use crate::{Code, Fault, Problem, Trace, wire::NO_ENDPOINT};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, Resource, Route, guard,
    http::{StatusCode, header as http},
    web,
};

/// The error of the token of a request, as named by RFC 6750 §3.1.
pub(super) struct TokenError(pub(super) &'static str);

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
        // no error for callers that sent no token (RFC 6750 §3.1)
        _ if status == StatusCode::UNAUTHORIZED => {
            response.insert_header((http::WWW_AUTHENTICATE, "Bearer"));
        }
        _ => {}
    }
    if let Some(seconds) = problem.retry_after {
        response.insert_header((http::RETRY_AFTER, seconds));
    }
    if let Some(etag) = &problem.etag {
        response.insert_header((http::ETAG, etag.as_str()));
    }
    response.content_type(Problem::MEDIA_TYPE).json(problem)
}

/// The answer for paths that do not exist.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    problem(Fault::new(Code::NotFound, NO_ENDPOINT).into(), &request)
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

/// A route for GET and HEAD, which go together (RFC 9110 §9.1).
pub fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
