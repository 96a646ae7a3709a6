//! An enum without generics.

/// A struct.
#[derive(kernel::ApiError)]
#[api(module = "thing")]
pub struct ThingError;

/// An enum of anything.
#[derive(kernel::ApiError)]
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
