//! A stream is sent once, by a POST, and says what it may be; an answer that is one is read, and says what it is.

use kernel::{Ctx, Download, Fault, Upload};

#[kernel::api(module = "thing")]
pub trait ThingApi {
    /// Takes something.
    #[post("/a", access = anyone, retry = never)]
    async fn unlimited(&self, cx: &Ctx, body: Upload) -> Result<u32, Fault>;

    /// Takes something.
    #[post("/b", access = anyone, retry = key, upload("text/csv", max = "1 MB"))]
    async fn repeated(&self, cx: &Ctx, body: Upload) -> Result<u32, Fault>;

    /// Takes something.
    #[put("/c", access = anyone, upload("text/csv", max = "1 MB"))]
    async fn replaced(&self, cx: &Ctx, body: kernel::Upload) -> Result<u32, Fault>;

    /// Takes something.
    #[post("/d", access = anyone, retry = never, upload("text/csv", max = "1 MB"))]
    async fn nothing(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Takes something.
    #[post("/e", access = anyone, retry = never, upload("text/csv", max = "1 MB"))]
    async fn twice(&self, cx: &Ctx, body: Upload, again: Upload) -> Result<u32, Fault>;

    /// Takes something.
    #[post("/f", access = anyone, retry = never, upload("text/csv", max = "1 MiB"), within = "2days")]
    async fn a_unit_that_is_none(&self, cx: &Ctx, body: Upload) -> Result<u32, Fault>;

    /// Takes something.
    #[post("/g", access = anyone, retry = never, upload(max = "1 MB"), within = 5)]
    async fn anything(&self, cx: &Ctx, body: Upload) -> Result<u32, Fault>;

    /// Takes something.
    #[post("/h", access = anyone, retry = never, upload("Text/CSV; charset=utf-8", max = "1 MB"))]
    async fn a_parameter(&self, cx: &Ctx, body: Upload) -> Result<u32, Fault>;

    /// Gives something.
    #[get("/i", access = anyone)]
    async fn whatever(&self, cx: &Ctx) -> Result<Download, Fault>;

    /// Gives something.
    #[get("/j", access = anyone, download("text/csv"))]
    async fn json(&self, cx: &Ctx) -> Result<u32, Fault>;

    /// Gives something.
    #[post("/k", access = anyone, retry = never, download("text/csv"), status = 201)]
    async fn made(&self, cx: &Ctx) -> Result<Download, Fault>;

    /// Gives something.
    #[get("/l", access = anyone, download("text/csv"), etag)]
    async fn tagged(&self, cx: &Ctx) -> Result<Download, Fault>;

    /// Gives something.
    #[get("/m", access = anyone, download())]
    async fn nothing_to_give(&self, cx: &Ctx) -> Result<Download, Fault>;
}

fn main() {}
