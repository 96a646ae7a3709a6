//! The page at `/`, for people who open the address of the API in a browser: what this is, and where to go.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    web,
};
use kernel::server::reading;

/// The page has its styles in it, and no scripts and pictures.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Pages that the gateway serves, with a description of each.
pub(crate) struct Home(web::Bytes);

impl Home {
    pub(crate) fn new(has_docs: bool, has_mailbox: bool, has_contact: bool) -> Self {
        let links = [
            (has_docs, "/docs/", "Read and try the API"),
            (has_docs, "/openapi.json", "The API as an OpenAPI document"),
            (has_mailbox, "/dev/mailbox", "Messages that were not sent (development)"),
            (true, "/health", "The state of the shop"),
            (has_contact, "/.well-known/security.txt", "Whom to tell about a vulnerability"),
        ];
        let links = links.iter().filter(|(is_served, ..)| *is_served);
        let links: String = links.map(|(_, path, what)| format!("  <li><a href=\"{path}\">{what}</a></li>\n")).collect();
        Self(include_str!("home.html").replace("<!-- links -->\n", &links).into())
    }

    pub(crate) fn configure(&self, cfg: &mut web::ServiceConfig) {
        let page = self.0.clone();
        let page = move || {
            let page = page.clone();
            async move {
                let mut response = HttpResponse::Ok();
                response.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((CACHE_CONTROL, "no-cache"));
                response.content_type("text/html; charset=utf-8").body(page)
            }
        };
        cfg.service(web::resource("/").route(reading().to(page)));
    }
}
