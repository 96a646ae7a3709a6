//! An answer with `etag` has a tag.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Reads something.
    #[get("/a", access = anyone, etag)]
    async fn read(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
