//! Every variant has a doc comment.

/// What can go wrong.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum ThingError {
    #[api(not_found)]
    NotFound,
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
