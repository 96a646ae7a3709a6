//! A path parameter is not plain text: a URL cannot carry "", "." and "..".

use kernel::{Ctx, Fault};
use std::borrow::Cow;

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a/{name}", access = anyone)]
    async fn owned(&self, cx: &Ctx, name: String) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b/{name}", access = anyone)]
    async fn in_another(&self, cx: &Ctx, name: Cow<'static, str>) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c/{name}", access = anyone)]
    async fn borrowed(&self, cx: &Ctx, name: &str) -> Result<u32, Fault>;

    /// Does something.
    #[get("/d/{letter}", access = anyone)]
    async fn letter(&self, cx: &Ctx, letter: char) -> Result<u32, Fault>;
}

fn main() {}
