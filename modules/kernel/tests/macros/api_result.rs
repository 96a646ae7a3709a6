//! Operations return `Result<T, E>` with both types written, and the same `E`.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[put("/a", access = anyone)]
    async fn nothing(&self, cx: &Ctx);

    /// Does something.
    #[put("/b", access = anyone)]
    async fn no_result(&self, cx: &Ctx) -> u32;

    /// Does something.
    #[put("/c", access = anyone)]
    async fn alias(&self, cx: &Ctx) -> std::io::Result<u32>;

    /// Does something.
    #[put("/d", access = anyone)]
    async fn first(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[put("/e", access = anyone)]
    async fn other(&self, cx: &Ctx) -> Result<u32, std::io::Error>;
}

fn main() {}
