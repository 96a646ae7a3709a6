//! What an operation declares that it can answer are variants of the error enum, each of them once.

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
    #[get("/a", access = anyone, errors = NotFound)]
    async fn a(&self, cx: &Ctx) -> Result<u32, ThingError>;

    /// Does something.
    #[get("/b", access = anyone, errors(NotFound, NotFound))]
    async fn b(&self, cx: &Ctx) -> Result<u32, ThingError>;

    /// Does something.
    #[get("/c", access = anyone, errors())]
    async fn c(&self, cx: &Ctx) -> Result<u32, ThingError>;

    /// Does something.
    #[get("/d", access = anyone, errors(Fault))]
    async fn d(&self, cx: &Ctx) -> Result<u32, ThingError>;

    /// Does something.
    #[get("/e", access = anyone, errors(NotFound), errors(NotFound))]
    async fn e(&self, cx: &Ctx) -> Result<u32, ThingError>;
}

fn main() {}
