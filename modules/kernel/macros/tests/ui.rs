//! What the macros accept, and what they say about what they refuse: each file of `tests/ui` breaks the rules in its name.
//!
//! `TRYBUILD=overwrite cargo test -p kernel-macros --test ui` writes the messages anew.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass_*.rs");
    cases.compile_fail("tests/ui/api_*.rs");
    cases.compile_fail("tests/ui/error_*.rs");
    cases.compile_fail("tests/ui/type_*.rs");
}
