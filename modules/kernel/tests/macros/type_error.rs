//! What is wrong with the type of an error is said once.

use kernel::Ctx;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ThingError {
    /// There is no such thing.
    #[error("Thing not found")]
    NotFound,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", access = anyone)]
    async fn a(&self, cx: &Ctx) -> Result<u32, ThingError>;

    /// Does something.
    #[get("/b/{id}", access = anyone)]
    async fn b(&self, cx: &Ctx, id: u32) -> Result<u32, ThingError>;
}

fn main() {}
