//! All mistakes of a trait are reported at once, and nothing follows from them: its users still compile.

use kernel::{Ctx, Fault, UserId};

#[kernel::api(modul = "thing")]
pub trait ThingApi: Clone {
    #[get("things/{id}", public = "/api/things/{sku}", status = 200, retry = key, colour = red)]
    async fn get(&self, cx: &Ctx, sku: &str) -> Result<u32, Fault>;

    /// Does something.
    #[post("/things", public = "/api/things", access = admin, rate = "often", status = 99)]
    async fn create(&self, cx: Ctx, new: String) -> Result<(), Fault>;

    /// Does something.
    #[delete("/things/{user}/{id}", public = "/api/things/{id}", access = anyone, rate = "1/s", status = 204)]
    async fn remove(&self, cx: &Ctx, user: UserId, id: u32, reason: String, force: bool) -> Result<u32, std::io::Error>;
}

pub fn user(things: impl ThingApi) {
    drop(things);
}

fn main() {}
