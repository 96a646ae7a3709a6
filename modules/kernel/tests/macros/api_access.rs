//! Access is stated.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a")]
    async fn none(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b", access = public)]
    async fn unknown(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c", access = role(owner))]
    async fn unknown_role(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/d", access = role)]
    async fn no_role(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/e", access = module())]
    async fn no_module(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/f", access = "user")]
    async fn text(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
