//! `/openapi.json`, and a page at `/docs` to read and try the API.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, LOCATION},
    middleware::Compress,
    web,
};
use kernel::{
    Code, Fault,
    server::{not_found, problem},
};
use std::sync::Arc;
use utoipa::openapi::OpenApi;

/// The serialized document, and the page.
#[derive(Clone)]
pub(crate) struct Docs {
    json: web::Bytes,
    page: Arc<utoipa_swagger_ui::Config<'static>>,
}

impl Docs {
    pub(crate) fn new(api: &OpenApi) -> Result<Self, serde_json::Error> {
        let page = utoipa_swagger_ui::Config::from("/openapi.json")
            // a stored token would outlive the page, and every script of the origin could read it
            .persist_authorization(false)
            .try_it_out_enabled(true)
            .display_request_duration(true)
            .validator_url("none");
        Ok(Self { json: serde_json::to_vec(api)?.into(), page: Arc::new(page) })
    }

    pub(crate) fn configure(&self, cfg: &mut web::ServiceConfig) {
        let json = self.json.clone();
        let document = web::get().to(move || {
            let json = json.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(json) }
        });
        cfg.service(web::resource("/openapi.json").wrap(Compress::default()).route(document));
        let to_page = web::get().to(async || HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish());
        cfg.service(web::resource("/docs").route(to_page));
        let page = self.page.clone();
        let file = web::get().to(move |request: HttpRequest| file(page.clone(), request));
        cfg.service(web::resource("/docs/{file:.*}").wrap(Compress::default()).route(file));
    }
}

async fn file(page: Arc<utoipa_swagger_ui::Config<'static>>, request: HttpRequest) -> HttpResponse {
    /// The page uses its own files, with inline styles and small inline pictures.
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                          font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let name = request.match_info().get("file").unwrap_or_default();
    match utoipa_swagger_ui::serve(name, page) {
        Ok(Some(file)) => {
            let mut response = HttpResponse::Ok();
            if file.gzpipped {
                response.insert_header((CONTENT_ENCODING, "gzip"));
            }
            response.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((CACHE_CONTROL, "public, max-age=3600"));
            response.content_type(file.content_type).body(file.bytes.into_owned())
        }
        Ok(None) => not_found(request).await,
        Err(_) => problem(Fault::new(Code::Internal, "Internal server error").into(), &request),
    }
}
