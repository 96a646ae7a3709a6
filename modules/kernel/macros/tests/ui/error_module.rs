//! The enum names its module.

/// No attribute.
#[derive(kernel::ApiError)]
pub enum NoneError {
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

/// Another key.
#[derive(kernel::ApiError)]
#[api(name = "thing")]
pub enum KeyError {
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
