//! A parameter of a path can be written and read as text.

use kernel::{Ctx, Fault};

#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Colour {
    pub name: u32,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/things/{colour}", access = anyone)]
    async fn get(&self, cx: &Ctx, colour: Colour) -> Result<u32, Fault>;
}

fn main() {}
