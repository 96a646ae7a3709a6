//! The parameters begin with `&self` and the context.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", access = anyone)]
    async fn a(&self) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b", access = anyone)]
    async fn b(cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c", access = anyone)]
    async fn c(&mut self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/d", access = anyone)]
    async fn d(&self, cx: Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/e/{id}", access = anyone)]
    async fn e(&self, id: u32) -> Result<u32, Fault>;
}

fn main() {}
