//! Writes what surrounds the trait.

mod api_trait;
mod client;
mod dispatch;
mod openapi;
mod ops;
mod remote;

use crate::{
    check,
    diagnose::Mistakes,
    parse::{self, Api, Op},
};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ItemTrait;

/// The whole expansion.
pub(crate) fn api(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let item: ItemTrait = match syn::parse2(item) {
        Ok(item) => item,
        Err(e) => return syn::Error::new(e.span(), "put `#[kernel::api]` on a trait").to_compile_error(),
    };
    let mistakes = Mistakes::default();
    let api = parse::api(attributes, item, &mistakes);
    check::api(&api, &mistakes);
    if mistakes.any() {
        // the trait itself stays, so that its users do not add a page of "cannot find trait"
        let (item, errors) = (&api.item, mistakes.report());
        return quote!(#item #errors);
    }
    let Some(first) = api.ops.first() else {
        return syn::Error::new(api.item.ident.span(), "add an operation").to_compile_error();
    };
    let error = &first.error;
    let parts = [
        api_trait::emit(&api),
        ops::emit(&api),
        client::emit(&api),
        remote::emit(&api),
        dispatch::emit(&api),
        openapi::emit(&api, error),
    ];
    quote!(#(#parts)*)
}

/// The names that are made from the trait's.
struct Names {
    client: Ident,
    erased: Ident,
    remote: Ident,
}

impl Api {
    fn names(&self) -> Names {
        let base = self.item.ident.to_string();
        let base = base.trim_end_matches("Api");
        Names { client: format_ident!("{base}Client"), erased: format_ident!("Erased{base}Api"), remote: format_ident!("{base}Remote") }
    }
}

impl Op {
    /// `cx: #cx, id: ProductId, ..`
    fn params(&self, cx: &TokenStream) -> TokenStream {
        let (names, types): (Vec<_>, Vec<_>) = self.args.iter().map(|arg| (&arg.name, &arg.ty)).unzip();
        quote!(cx: #cx, #(#names: #types),*)
    }

    /// `id, ..`
    fn names(&self) -> TokenStream {
        let names = self.args.iter().map(|arg| &arg.name);
        quote!(#(#names),*)
    }

    fn result(&self) -> TokenStream {
        let (ok, error) = (&self.ok, &self.error);
        quote!(::core::result::Result<#ok, #error>)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The expansions are committed, so that a change of a macro shows what it does to every module.
    fn snapshot(name: &str, expand: impl Fn(proc_macro2::TokenStream) -> proc_macro2::TokenStream) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
        let source = fs::read_to_string(folder.join(format!("{name}.rs"))).expect("the source");
        let expanded = expand(source.parse().expect("tokens"));
        let file = syn::parse2(expanded).expect("an expansion that parses");
        let expanded = prettyplease::unparse(&file);
        let expected = folder.join(format!("{name}.expanded.rs"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&expected, &expanded).expect("written");
        }
        let expected = fs::read_to_string(&expected).expect("run with UPDATE_SNAPSHOTS=1 to write it");
        assert!(expanded == expected, "the expansion of {name} changed: look at it, then run with UPDATE_SNAPSHOTS=1");
    }

    #[test]
    fn expansion_of_a_trait() {
        snapshot("api", |item| super::api(quote::quote!(module = "shelf"), item));
    }

    #[test]
    fn expansion_of_an_error() {
        snapshot("api_error", crate::api_error::derive);
    }
}
