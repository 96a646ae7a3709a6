//! 204 and `()` belong together.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[put("/a", access = anyone, status = 204)]
    async fn body(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[put("/b", access = anyone)]
    async fn no_body(&self, cx: &Ctx) -> Result<(), Fault>;

    /// Does something.
    #[put("/c", access = anyone, status = 201)]
    async fn created_nothing(&self, cx: &Ctx) -> Result<(), Fault>;

    /// Does something.
    #[put("/d", access = anyone, status = 302)]
    async fn unknown(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
