//! What is wrong with the type of a reply is said once, however often it is used.

use kernel::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
pub struct WithoutSerialize {
    pub name: String,
}

#[derive(Serialize, ToSchema)]
pub struct WithoutDeserialize {
    pub name: String,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", access = anyone)]
    async fn a(&self, cx: &Ctx) -> Result<WithoutSerialize, Fault>;

    /// Does something.
    #[get("/b", access = anyone)]
    async fn b(&self, cx: &Ctx) -> Result<WithoutDeserialize, Fault>;

    /// Does something.
    #[put("/b", access = anyone)]
    async fn b_again(&self, cx: &Ctx) -> Result<WithoutDeserialize, Fault>;
}

fn main() {}
