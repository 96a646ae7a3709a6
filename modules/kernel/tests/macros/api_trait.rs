//! A trait whose name ends in `Api`, that holds operations and nothing else.

use kernel::{Ctx, Fault};

#[kernel::api(module = "thing")]
pub trait Things {
    /// Does something.
    #[get("/things", access = anyone)]
    async fn get(&self, cx: &Ctx) -> Result<u32, Fault>;
}

#[kernel::api(module = "thing")]
pub trait ThingApi<T>: Clone {
    const LIMIT: u32;

    type Thing;

    /// Does something.
    #[get("/things", access = anyone)]
    fn get(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[delete("/things", access = anyone)]
    async fn remove(&self, cx: &Ctx) -> Result<u32, Fault> {
        Ok(1)
    }

    /// Does something.
    #[put("/things", access = anyone)]
    async fn by(&self, cx: &Ctx) -> Result<u32, Fault>;
}

#[kernel::api(module = "nothing")]
pub trait NothingApi {}

fn main() {}
