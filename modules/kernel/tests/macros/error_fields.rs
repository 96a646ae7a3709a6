//! Fields have names.

/// What can go wrong.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum ThingError {
    /// Too many.
    #[api(conflict)]
    TooMany(u32),
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
