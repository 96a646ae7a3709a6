//! What an operation declares is a variant of the error enum.

use kernel::{ApiError, Ctx, Fault};

/// What can go wrong.
#[derive(Debug, thiserror::Error, ApiError)]
#[api(module = "thing")]
pub enum ThingError {
    /// There is no such thing.
    #[error("Thing not found")]
    #[api(not_found)]
    NotFound,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", access = anyone, errors(NotFond))]
    async fn a(&self, cx: &Ctx) -> Result<u32, ThingError>;
}

fn main() {}
