//! A path parameter that the public path lacks is the caller.

use kernel::{Ctx, Fault, UserId};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a/{id}", public = "/api/a", access = user, rate = "1/s")]
    async fn other_type(&self, cx: &Ctx, id: u32) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b/{user}", public = "/api/b", access = anyone, rate = "1/s")]
    async fn other_access(&self, cx: &Ctx, user: UserId) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c/{user}/{other}", public = "/api/c", access = user, rate = "1/s")]
    async fn two(&self, cx: &Ctx, user: UserId, other: UserId) -> Result<u32, Fault>;
}

fn main() {}
