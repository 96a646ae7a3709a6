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
    model::{Api, Arg, Op, Returns, Role},
    parse,
};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

/// The whole expansion.
pub(crate) fn expand(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = match syn::parse2(item.clone()) {
        Ok(Item::Trait(item)) => item,
        Ok(_) => return refuse(&item, syn::Error::new_spanned(attributes, "put `#[kernel::api]` on a trait")),
        Err(e) => return refuse(&item, e),
    };
    let mistakes = Mistakes::default();
    let module = parse::module(attributes, &mistakes);
    let methods = parse::methods(&mut item, &mistakes);
    let api_trait = api_trait::emit(item.clone());
    let Some(api) = check::api(module, item, methods, &mistakes) else {
        // the trait itself stays, so that its users do not add a page of "cannot find trait"
        let errors = mistakes.report();
        return quote!(#api_trait #errors);
    };
    let parts = [api_trait, ops::emit(&api), client::emit(&api), remote::emit(&api), dispatch::emit(&api), openapi::emit(&api)];
    quote!(#(#parts)*)
}

/// What cannot be expanded is left as it is.
fn refuse(item: &TokenStream, error: syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

/// `cx: #cx, id: ProductId, ..`
fn params(op: &Op, cx: TokenStream) -> TokenStream {
    let (name, args) = (&op.cx, op.args.iter().map(|arg| (&arg.name, &arg.ty)));
    let (names, types): (Vec<_>, Vec<_>) = args.unzip();
    quote!(#name: #cx #(, #names: #types)*)
}

/// `, id, ..`
fn names(op: &Op) -> TokenStream {
    let names = op.args.iter().map(|arg| &arg.name);
    quote!(#(, #names)*)
}

/// The operation for callers who cannot state the condition that this one demands, as they call it: `POST /api/things`.
fn instead(api: &Api, op: &Op) -> Option<String> {
    let name = op.route.unless.value()?;
    let other = &api.ops.iter().find(|other| other.name == *name)?.route;
    let path = other.public.value().unwrap_or(&other.path).text.value();
    Some(format!("{} {path}", other.verb.text().to_uppercase()))
}

/// Asserts what the types need. It precedes all else in every body that uses them: the compiler does not report what follows from
/// it, provided that the types are named there, too, instead of inferred.
fn bounds(op: &Op) -> TokenStream {
    let args = op.args.iter().map(|Arg { ty, role, .. }| match role {
        Role::Path | Role::Owner => quote!(::kernel::bounds::param::<#ty>();),
        Role::Query => quote!(::kernel::bounds::query::<#ty>();),
        Role::Body => quote!(::kernel::bounds::body::<#ty>();),
        Role::Condition | Role::Upload => TokenStream::new(),
    });
    let Returns { ok, error, .. } = &op.returns;
    let answer = (!op.is_download()).then(|| quote!(::kernel::bounds::answer::<#ok>();));
    let tagged = op.is_tagged().then(|| quote!(::kernel::bounds::tagged::<#ok>();));
    quote! {
        #(#args)*
        #answer
        #tagged
        ::kernel::bounds::error::<#error>();
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use std::{env, fs, path::Path};

    /// The expansions are committed, so that a change of a macro shows what it does to every module.
    fn snapshot(name: &str, expand: impl Fn(TokenStream) -> TokenStream) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
        let source = fs::read_to_string(folder.join(format!("{name}.rs"))).expect("the source");
        let expanded = expand(source.parse().expect("tokens"));
        let expanded = prettyplease::unparse(&syn::parse2(expanded).expect("an expansion that parses"));
        let file = folder.join(format!("{name}.expanded.rs"));
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&file, &expanded).expect("written");
        }
        let expected = fs::read_to_string(&file).expect("run with UPDATE_SNAPSHOTS=1 to write it");
        assert!(expanded == expected, "the expansion of {name} changed: run with UPDATE_SNAPSHOTS=1 and look at the difference");
    }

    #[test]
    fn expansion_of_a_trait() {
        snapshot("api", |item| super::expand(quote::quote!(module = "shelf"), item));
    }

    #[test]
    fn expansion_of_an_error() {
        snapshot("api_error", crate::api_error::expand);
    }
}
