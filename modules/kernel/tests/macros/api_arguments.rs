//! Arguments are plain owned types with plain names.

use kernel::{Ctx, Fault};

mod web {
    pub struct Json<T>(pub T);
    pub struct Query<T>(pub T);
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[put("/a/{name}", access = anyone)]
    async fn reference(&self, cx: &Ctx, name: &str) -> Result<u32, Fault>;

    /// Does something.
    #[put("/b", access = anyone)]
    async fn inner_reference(&self, cx: &Ctx, names: Vec<&'static str>) -> Result<u32, Fault>;

    /// Does something.
    #[put("/c", access = anyone)]
    async fn generic<T>(&self, cx: &Ctx, value: T) -> Result<u32, Fault>;

    /// Does something.
    #[put("/d", access = anyone)]
    async fn impl_trait(&self, cx: &Ctx, value: impl Clone) -> Result<u32, Fault>;

    /// Does something.
    #[put("/e", access = anyone)]
    async fn dyn_trait(&self, cx: &Ctx, value: Box<dyn Send>) -> Result<u32, Fault>;

    /// Does something.
    #[put("/f", access = anyone)]
    async fn pattern(&self, cx: &Ctx, (a, b): (u32, u32)) -> Result<u32, Fault>;

    /// Does something.
    #[put("/g", access = anyone)]
    async fn unnamed(&self, cx: &Ctx, _: u32) -> Result<u32, Fault>;

    /// Does something.
    #[put("/h", access = anyone)]
    async fn extractor(&self, cx: &Ctx, value: web::Json<u32>) -> Result<u32, Fault>;

    /// Does something.
    #[get("/i", access = anyone)]
    async fn inner_extractor(&self, cx: &Ctx, value: Option<web::Query<u32>>) -> Result<u32, Fault>;

    /// Does something.
    #[get("/j", access = anyone)]
    async fn result(&self, cx: &Ctx) -> Result<&'static str, Fault>;
}

fn main() {}
