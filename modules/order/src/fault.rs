//! Errors of other modules that an operation has no answer for.

use kernel::{ApiError, Code, Fault};

/// The caller may retry when the module is unavailable or too slow; every other error is internal.
pub(crate) fn into_fault(error: impl ApiError) -> Fault {
    let problem = error.into_problem();
    match Code::of_status(problem.status) {
        code @ (Code::Unavailable | Code::DeadlineExceeded) => Fault::new(code, problem.detail).retry_after(1),
        _ => Fault::internal(format_args!("unexpected answer {}: {}", problem.code, problem.detail)),
    }
}
