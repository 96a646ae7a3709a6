//! A page for developers at `/dev/mailbox` with unsent mail and SMS. It calls `/api/dev/mailbox`, like any client.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    web,
};
use kernel::server::reading;

/// The page uses its own three files. Mails are shown in frames without any rights except inline styles, which mail needs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src-elem 'self'; style-src-attr 'unsafe-inline'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES: [(&str, &str, &str); 3] = [
    ("/dev/mailbox", "text/html; charset=utf-8", include_str!("mailbox.html")),
    ("/dev/mailbox.css", "text/css; charset=utf-8", include_str!("mailbox.css")),
    ("/dev/mailbox.js", "text/javascript; charset=utf-8", include_str!("mailbox.js")),
];

pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    for (path, media_type, text) in FILES {
        let file = move || async move {
            let mut response = HttpResponse::Ok();
            response.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((CACHE_CONTROL, "no-cache"));
            response.content_type(media_type).body(text)
        };
        cfg.service(web::resource(path).route(reading().to(file)));
    }
}
