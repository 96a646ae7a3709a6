//! `#[derive(Request)]`: refuses types that would ignore a field that they do not know.

use crate::diagnose::Mistakes;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, DeriveInput, Meta, Token, punctuated::Punctuated};

/// The whole expansion.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(e) => return e.to_compile_error(),
    };
    let mistakes = Mistakes::default();
    if !input.attrs.iter().any(denies) {
        mistakes.add(&input.ident, "add `#[serde(deny_unknown_fields)]`: a field that is not known is a mistake of the caller");
    }
    let errors = mistakes.report();
    let (name, (generics, arguments, bounds)) = (&input.ident, input.generics.split_for_impl());
    // with mistakes, too, so that the operations that take it do not add theirs
    quote! {
        impl #generics ::kernel::Request for #name #arguments #bounds {}

        #errors
    }
}

fn denies(attribute: &Attribute) -> bool {
    let words = |attribute: &Attribute| attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    attribute.path().is_ident("serde")
        && words(attribute).is_ok_and(|words| words.iter().any(|word| word.path().is_ident("deny_unknown_fields")))
}
