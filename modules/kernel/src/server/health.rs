//! The `/health` of a single module's service.

use super::response::{page, reading};
use crate::readiness::Readiness;
use actix_web::{HttpResponseBuilder, http::StatusCode, web};

/// Serves the `/health` of a single module's service.
pub fn health(cfg: &mut web::ServiceConfig, module: &'static str, readiness: Readiness) {
    let health = move || {
        let readiness = readiness.clone();
        async move {
            let (status, word) = match readiness.report().await.status {
                "ready" => (StatusCode::OK, "healthy"),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
            };
            let service = format!("{module}-service");
            HttpResponseBuilder::new(status).json(serde_json::json!({"status": word, "service": service}))
        }
    };
    cfg.service(page("/health").route(reading().to(health)));
}
