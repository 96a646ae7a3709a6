//! `/.well-known/security.txt` (RFC 9116): the contact for reports of vulnerabilities.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web};
use kernel::{
    BoxError,
    chrono::{DateTime, Days, NaiveTime, SecondsFormat, Utc},
    now,
    server::reading,
};

/// Lifetime of the file, which should be less than a year (RFC 9116 §2.5.5).
const LIFETIME: Days = Days::new(180);

/// The contact.
#[derive(Clone)]
pub(crate) struct Contact(String);

impl Contact {
    /// Reads `gateway.security_contact`; `None` when it is empty.
    pub(crate) fn new(text: &str) -> Result<Option<Self>, BoxError> {
        let rest = ["mailto:", "https://", "tel:"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let is_valid = rest.is_some_and(|rest| !rest.is_empty()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        match text {
            "" => Ok(None),
            _ if is_valid => Ok(Some(Self(text.to_owned()))),
            _ => Err(format!("gateway.security_contact: {text:?} must begin with mailto:, https:// or tel:").into()),
        }
    }

    pub(crate) fn configure(&self, cfg: &mut web::ServiceConfig) {
        let contact = self.clone();
        let file = move || {
            let text = contact.file(now());
            async move {
                let mut response = HttpResponse::Ok();
                response.insert_header((CACHE_CONTROL, "public, max-age=86400"));
                response.content_type("text/plain; charset=utf-8").body(text)
            }
        };
        cfg.service(web::resource("/.well-known/security.txt").route(reading().to(file)));
    }

    fn file(&self, now: DateTime<Utc>) -> String {
        // the same file for a whole day
        let expires = now.with_time(NaiveTime::MIN).earliest().unwrap_or(now) + LIFETIME;
        format!("Contact: {}\nExpires: {}\n", self.0, expires.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}
