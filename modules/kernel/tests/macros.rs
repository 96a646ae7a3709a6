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
