//! An argument whose type lacks something: the compiler shows the type, not the attribute.

use kernel::{Ctx, Fault};

#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Change {
    pub name: String,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[put("/things", access = anyone)]
    async fn change(&self, cx: &Ctx, change: Change) -> Result<u32, Fault>;
}

fn main() {}
