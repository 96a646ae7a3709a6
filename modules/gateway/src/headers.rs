//! What every response has: headers that keep browsers careful, CORS for the origins that are listed, and one form for errors.

use actix_cors::Cors;
use actix_web::{
    Error,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode, Uri,
        header::{ALLOW, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
    },
    middleware::{Condition, Next},
};
use kernel::{BoxError, Code, Fault, server::problem};

/// CORS for these origins: checked settings, from which each worker makes its middleware.
#[derive(Clone)]
pub(crate) enum Origins {
    None,
    Any,
    These(Vec<String>),
}

impl Origins {
    /// Reads `gateway.cors_origins`.
    pub(crate) fn new(list: &[String]) -> Result<Self, BoxError> {
        let is_origin = |text: &str| {
            let uri = text.parse::<Uri>().ok();
            let parts = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
            parts.is_some_and(|(scheme, authority)| format!("{scheme}://{authority}") == text)
        };
        match list {
            [] => Ok(Self::None),
            [any] if any == "*" => Ok(Self::Any),
            list => match list.iter().find(|text| !is_origin(text)) {
                Some(wrong) => {
                    Err(format!("gateway.cors_origins: {wrong:?} is not an origin such as https://shop.example").into())
                }
                None => Ok(Self::These(list.to_vec())),
            },
        }
    }

    /// The middleware. Credentials are never allowed: tokens travel in `Authorization`, not in cookies.
    pub(crate) fn cors(&self) -> Condition<Cors> {
        let cors = match self {
            Self::None => return Condition::new(false, Cors::default()),
            Self::Any => Cors::default().allow_any_origin().send_wildcard(),
            Self::These(list) => list.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin)),
        };
        let cors = cors
            .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
            .allowed_headers(["Authorization", "Content-Type", "Idempotency-Key", "traceparent"])
            .expose_headers(["ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "Location", "Idempotent-Replayed"])
            .max_age(3600);
        Condition::new(true, cors)
    }
}

/// Finishes every response on its way out.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let response = next.call(request).await?;
    let mut response = if is_plain_error(&response) { restate(response) } else { response.map_into_left_body() };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    Ok(response)
}

/// Whether it is an error of the framework: it answers those without a body or as text.
fn is_plain_error<B>(response: &ServiceResponse<B>) -> bool {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return false;
    }
    let media_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
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
        if name != CONTENT_TYPE {
            restated.headers_mut().insert(name.clone(), value.clone());
        }
    }
    if code == Code::MethodNotAllowed && !restated.headers().contains_key(ALLOW) {
        // the operations say themselves what they allow; this is one of the probes or the document
        restated.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    }
    ServiceResponse::new(request, restated).map_into_right_body()
}
