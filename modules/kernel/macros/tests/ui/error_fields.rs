//! Fields have names.

/// What can go wrong.
#[derive(kernel::ApiError)]
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
