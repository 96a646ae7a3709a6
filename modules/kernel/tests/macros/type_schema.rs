//! A reply without a schema: the first message says what is missing. The others are utoipa's, which documents it elsewhere.

use kernel::{Ctx, Fault};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct WithoutSchema {
    pub name: String,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<WithoutSchema, Fault>;
}

fn main() {}
