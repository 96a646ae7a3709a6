//! One route attribute, which begins with the path.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    async fn none(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/two", access = anyone)]
    #[put("/two", access = anyone)]
    async fn two(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get]
    async fn bare(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get(access = anyone)]
    async fn no_path(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("things", access = anyone)]
    async fn no_slash(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/things/{}", access = anyone)]
    async fn no_name(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/things/{id}.json", access = anyone)]
    async fn no_segment(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[get("/things/{id}/{id}", access = anyone)]
    async fn twice(&self, cx: &Ctx, id: u32) -> Result<u32, Fault>;

    /// Does something.
    #[get("/more" access = anyone)]
    async fn no_comma(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
