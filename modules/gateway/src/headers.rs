//! Headers for browsers: CORS for the configured origins.

use actix_cors::Cors;
use actix_web::{http::Uri, middleware::Condition};
use kernel::BoxError;

/// The validated origins, from which each worker creates its middleware.
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
                Some(invalid) => {
                    Err(format!("gateway.cors_origins: {invalid:?} is not an origin such as https://shop.example").into())
                }
                None => Ok(Self::These(list.to_vec())),
            },
        }
    }

    /// The middleware. Credentials are never allowed: tokens are in `Authorization`, not in cookies.
    pub(crate) fn cors(&self) -> Condition<Cors> {
        let cors = match self {
            Self::None => return Condition::new(false, Cors::default()),
            Self::Any => Cors::default().allow_any_origin().send_wildcard(),
            Self::These(list) => list.iter().fold(Cors::default(), |cors, origin| cors.allowed_origin(origin)),
        };
        let cors = cors
            .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
            .allowed_headers(["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "traceparent"])
            .expose_headers(["ETag", "Link", "RateLimit", "RateLimit-Policy", "Retry-After", "Location", "Idempotent-Replayed"])
            .max_age(3600);
        Condition::new(true, cors)
    }
}
