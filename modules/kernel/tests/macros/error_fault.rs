//! Exactly one variant holds the fault, and nothing else.

/// No fault.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum NoneError {
    /// There is no such thing.
    #[api(not_found)]
    NotFound,
}

/// Two faults.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum TwoError {
    /// The call failed.
    #[api(fault)]
    Fault(kernel::Fault),
    /// The call failed, too.
    #[api(fault)]
    Other(kernel::Fault),
}

/// A fault with a name.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum NamedError {
    /// The call failed.
    #[api(fault)]
    Fault { fault: kernel::Fault },
}

/// A fault that is called otherwise.
#[derive(Debug, thiserror::Error, kernel::ApiError)]
#[error("it failed")]
#[api(module = "thing")]
pub enum OtherError {
    /// The call failed.
    #[api(fault)]
    Broken(#[from] kernel::Fault),
}

fn main() {}
