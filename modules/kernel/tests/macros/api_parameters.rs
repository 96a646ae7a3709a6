//! Every `{name}` of the path is a parameter, and there is at most one other: the query or the body.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/things/{id}", access = anyone)]
    async fn missing(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/things", access = anyone)]
    async fn two_queries(&self, cx: &Ctx, colour: String, size: u32) -> Result<u32, Fault>;

    /// Does something.
    #[put("/things/{id}", access = anyone)]
    async fn two_bodies(&self, cx: &Ctx, id: u32, colour: String, size: u32) -> Result<u32, Fault>;
}

fn main() {}
