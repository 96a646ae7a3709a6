//! Collects mistakes, so that all of them are reported at once.

use proc_macro2::TokenStream;
use quote::ToTokens;
use std::{cell::RefCell, fmt::Display};

/// The mistakes that were found so far.
#[derive(Default)]
pub(crate) struct Mistakes(RefCell<Vec<syn::Error>>);

impl Mistakes {
    /// Notes a mistake at these tokens. The message names the fix.
    pub(crate) fn add(&self, at: impl ToTokens, message: impl Display) {
        self.0.borrow_mut().push(syn::Error::new_spanned(at, message));
    }

    /// Notes the mistake, if it is one.
    pub(crate) fn keep<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|e| self.0.borrow_mut().push(e)).ok()
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        !self.0.borrow().is_empty()
    }

    /// All mistakes as compile errors.
    pub(crate) fn report(self) -> TokenStream {
        self.0.into_inner().iter().map(syn::Error::to_compile_error).collect()
    }
}
