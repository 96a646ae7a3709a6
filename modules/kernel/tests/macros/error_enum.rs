//! An enum without generics.

/// A struct.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub struct ThingError;

/// An enum of anything.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum AnyError<T> {
    /// There is no such thing.
    #[api(not_found)]
    NotFound { thing: T },
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
