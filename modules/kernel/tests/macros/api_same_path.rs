//! A method and a path have one operation, and a path has one set of parameter names.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/things/{id}", public = "/api/a/{id}", access = anyone, rate = "1/s")]
    async fn get(&self, cx: &Ctx, id: u32) -> Result<u32, Fault>;

    /// Does something.
    #[get("/things/{id}", access = anyone)]
    async fn again(&self, cx: &Ctx, id: u32) -> Result<u32, Fault>;

    /// Does something.
    #[put("/things/{sku}", access = anyone)]
    async fn other_name(&self, cx: &Ctx, sku: u32) -> Result<u32, Fault>;

    /// Does something.
    #[get("/others/{id}", public = "/api/a/{id}", access = anyone, rate = "1/s")]
    async fn same_public(&self, cx: &Ctx, id: u32) -> Result<u32, Fault>;
}

fn main() {}
