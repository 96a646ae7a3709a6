//! Every variant has a doc comment.

/// What can go wrong.
#[derive(kernel::ApiError)]
#[api(module = "thing")]
pub enum ThingError {
    #[api(not_found)]
    NotFound,
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
