//! What is compared is stated once, by a write; what demands it names an operation that does without.

use kernel::{Ctx, Fault, IfMatch};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Reads something.
    #[get("/a", access = anyone)]
    async fn read(&self, cx: &Ctx, if_match: IfMatch) -> Result<u32, Fault>;

    /// Does something.
    #[put("/b", access = anyone)]
    async fn twice(&self, cx: &Ctx, if_match: IfMatch, again: kernel::IfMatch) -> Result<u32, Fault>;

    /// Does something.
    #[put("/c", access = anyone, unless = without)]
    async fn nothing_to_demand(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does something.
    #[put("/d", access = anyone, unless = nowhere)]
    async fn unknown(&self, cx: &Ctx, if_match: IfMatch) -> Result<u32, Fault>;

    /// Does something.
    #[put("/e", access = anyone, unless = twice)]
    async fn another_that_compares(&self, cx: &Ctx, if_match: IfMatch) -> Result<u32, Fault>;

    /// Does something.
    #[put("/f", public = "/api/f", rate = "1/s", access = anyone, unless = without)]
    async fn hidden_from_clients(&self, cx: &Ctx, if_match: IfMatch) -> Result<u32, Fault>;

    /// Does something.
    #[put("/g", access = anyone, unless = "without")]
    async fn a_text(&self, cx: &Ctx, if_match: IfMatch) -> Result<u32, Fault>;

    /// Does something.
    #[delete("/h", access = anyone, etag, status = 204)]
    async fn no_answer(&self, cx: &Ctx) -> Result<(), Fault>;

    /// Does something.
    #[patch("/i", access = anyone, etag, etag)]
    async fn tagged_twice(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Does without.
    #[delete("/j", access = anyone)]
    async fn without(&self, cx: &Ctx) -> Result<u32, Fault>;
}

fn main() {}
