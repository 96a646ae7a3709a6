//! The attribute takes exactly the name of the module.

use kernel::{Ctx, Fault};

#[kernel::api]
pub trait NothingApi {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<u32, Fault>;
}

#[kernel::api(name = "thing")]
pub trait WrongKeyApi {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<u32, Fault>;
}

#[kernel::api(module = "Thing")]
pub trait UpperCaseApi {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<u32, Fault>;
}

#[kernel::api(module = "thing", version = 2)]
pub trait MoreApi {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<u32, Fault>;
}

#[kernel::api(module = "thing")]
pub struct NoTrait;

fn main() {
    let _ = NoTrait;
}
