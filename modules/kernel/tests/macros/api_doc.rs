//! Every operation has a doc comment.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    #[get("/a", access = anyone)]
    async fn none(&self, cx: &Ctx) -> Result<u32, Fault>;

    ///
    #[get("/b", access = anyone)]
    async fn empty(&self, cx: &Ctx) -> Result<u32, Fault>;

    #[doc(hidden)]
    #[get("/c", access = anyone)]
    async fn hidden(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
