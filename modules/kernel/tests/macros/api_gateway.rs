//! What the gateway serves has a limit, and is not for modules only.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", public = "/api/a", access = anyone)]
    async fn no_rate(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b", access = anyone, rate = "1/s")]
    async fn no_public(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c", public = "/api/c", access = module(order), rate = "1/s")]
    async fn internal(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/d", public = "/api/d", access = anyone, rate = "1/fortnight")]
    async fn unit(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/e", public = "/api/e", access = anyone, rate = "0/min")]
    async fn zero(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/f", public = "/api/f", access = anyone, rate = 5)]
    async fn number(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/g", public = "api/g", access = anyone, rate = "1/s")]
    async fn no_slash(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/h", public = "/api/h/{id}", access = anyone, rate = "1/s")]
    async fn more(&self, cx: &Ctx, id: u32) -> Result<u32, Fault>;
}

fn main() {}
