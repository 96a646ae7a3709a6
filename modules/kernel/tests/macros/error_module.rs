//! The enum names its module.

/// No attribute.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
pub enum NoneError {
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

/// Another key.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(name = "thing")]
pub enum KeyError {
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
}

fn main() {}
