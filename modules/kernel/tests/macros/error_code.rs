//! Every variant states a code.

/// What can go wrong.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum ThingError {
    /// No code.
    NotFound,
    /// A code that does not exist.
    #[api(gone)]
    Gone,
    /// A status.
    #[api(404)]
    Lost,
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
