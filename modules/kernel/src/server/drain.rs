//! Closing connections while the process ends.

use crate::jobs::Jobs;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::ConnectionType,
    middleware::Next,
};

/// Closes connections as they are answered when the process is about to end, so that clients send no further requests on them. A
/// middleware for `actix_web::middleware::from_fn`.
///
/// # Errors
/// Those of the service inside.
pub async fn close_when_draining<B: MessageBody>(
    jobs: Jobs,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    if jobs.is_draining() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
