//! What is wrong with the type of a query is said once, and a query that would ignore a misspelt filter is refused.

use garde::Validate;
use kernel::{Ctx, Fault, Request};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

#[derive(Serialize, Deserialize, Validate, Request)]
#[serde(deny_unknown_fields)]
pub struct WithoutParams {
    #[garde(skip)]
    pub page: Option<u32>,
}

#[derive(Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WithoutRequest {
    #[garde(skip)]
    pub page: Option<u32>,
}

#[derive(Serialize, Deserialize, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct WithoutValidate {
    pub page: Option<u32>,
}

#[derive(Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(rename_all = "camelCase")]
pub struct TakesAnything {
    #[garde(skip)]
    pub page: Option<u32>,
}

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Does something.
    #[get("/a", access = anyone)]
    async fn a(&self, cx: &Ctx, query: WithoutParams) -> Result<u32, Fault>;

    /// Does something.
    #[get("/b", access = anyone)]
    async fn b(&self, cx: &Ctx, query: WithoutRequest) -> Result<u32, Fault>;

    /// Does something.
    #[get("/c", access = anyone)]
    async fn c(&self, cx: &Ctx, query: WithoutValidate) -> Result<u32, Fault>;

    /// Does something.
    #[get("/d", access = anyone)]
    async fn d(&self, cx: &Ctx, query: TakesAnything) -> Result<u32, Fault>;

    /// Does something.
    #[get("/e", access = anyone)]
    async fn e(&self, cx: &Ctx, limit: Option<u32>) -> Result<u32, Fault>;
}

fn main() {}
