//! A result whose type lacks something: the compiler shows the type, not the attribute.

use kernel::{Ctx, Fault};

#[derive(serde::Deserialize, utoipa::ToSchema)]
pub struct Thing {
    pub name: String,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<Thing, Fault>;
}

fn main() {}
