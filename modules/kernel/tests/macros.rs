//! What the macros accept, and what they say about what they refuse: each file of `tests/macros` breaks the rules in its name.
//!
//! `TRYBUILD=overwrite cargo test -p kernel --test macros` writes the messages anew.

#[test]
fn what_is_accepted_and_what_is_said_of_the_rest() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/macros/pass_*.rs");
    cases.compile_fail("tests/macros/api_*.rs");
    cases.compile_fail("tests/macros/error_*.rs");
    cases.compile_fail("tests/macros/type_*.rs");
}

/// An error of each code; the match stops compiling when `kernel::Code` has one that is not in the list.
macro_rules! error_of_every_code {
    ($($variant:ident $code:ident,)*) => {
        /// An error of each code.
        #[derive(Debug, thiserror::Error, kernel::ApiError)]
        #[api(module = "test")]
        enum EveryCode {
            $(
                /// Of this code.
                #[error("It went wrong")]
                #[api($code)]
                $variant,
            )*
            /// The call failed.
            #[error(transparent)]
            #[api(fault)]
            Fault(#[from] kernel::Fault),
        }

        fn error_of(code: kernel::Code) -> EveryCode {
            match code { $(kernel::Code::$variant => EveryCode::$variant,)* }
        }
    };
}

error_of_every_code! {
    InvalidArgument invalid_argument,
    Unauthenticated unauthenticated,
    PaymentRequired payment_required,
    PermissionDenied permission_denied,
    NotFound not_found,
    MethodNotAllowed method_not_allowed,
    Conflict conflict,
    PreconditionFailed precondition_failed,
    PayloadTooLarge payload_too_large,
    UnsupportedMediaType unsupported_media_type,
    RangeNotSatisfiable range_not_satisfiable,
    Unprocessable unprocessable,
    PreconditionRequired precondition_required,
    TooManyRequests too_many_requests,
    Internal internal,
    Unavailable unavailable,
    DeadlineExceeded deadline_exceeded,
}

#[test]
fn every_code_of_the_kernel_can_be_that_of_an_error() {
    for &code in kernel::Code::ALL {
        assert_eq!(kernel::ApiError::code(&error_of(code)), code);
    }
}
