//! POST says whether it may be repeated, the others do not.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[post("/a", access = anyone)]
    async fn none(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[post("/b", access = anyone, retry = always)]
    async fn unknown(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[put("/c", access = anyone, retry = key)]
    async fn put(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
