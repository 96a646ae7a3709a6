//! Collects mistakes, so that all of them are reported at once.

use proc_macro2::{Span, TokenStream};
use std::cell::RefCell;

/// The mistakes that were found so far.
#[derive(Default)]
pub(crate) struct Mistakes(RefCell<Vec<syn::Error>>);

impl Mistakes {
    /// Notes a mistake. The message names the fix.
    pub(crate) fn add(&self, at: Span, message: impl std::fmt::Display) {
        self.0.borrow_mut().push(syn::Error::new(at, message));
    }

    /// Notes the mistake, if it is one.
    pub(crate) fn keep<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|e| self.0.borrow_mut().push(e)).ok()
    }

    pub(crate) fn any(&self) -> bool {
        !self.0.borrow().is_empty()
    }

    /// All mistakes as compile errors.
    pub(crate) fn report(self) -> TokenStream {
        self.0.into_inner().iter().map(syn::Error::to_compile_error).collect()
    }
}
