//! The keys of a route attribute are known, and stated once.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", acess = anyone)]
    async fn unknown(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b", access = anyone, access = user)]
    async fn twice(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c", access = )]
    async fn no_value(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
