//! The trait itself: `async fn` becomes a future that can move between threads. Implementers still write `async fn`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ItemTrait, ReturnType, Signature, TraitItem, TypeParamBound, parse_quote};

pub(super) fn emit(mut item: ItemTrait) -> TokenStream {
    item.colon_token.get_or_insert_default();
    let bounds: [TypeParamBound; 3] =
        [parse_quote!(::core::marker::Send), parse_quote!(::core::marker::Sync), parse_quote!('static)];
    item.supertraits.extend(bounds);
    for part in &mut item.items {
        if let TraitItem::Fn(method) = part {
            // a body is a mistake, and would no longer fit
            method.default = None;
            method.semi_token.get_or_insert_default();
            future(&mut method.sig);
        }
    }
    item.into_token_stream()
}

fn future(sig: &mut Signature) {
    if sig.asyncness.take().is_none() {
        return;
    }
    let output = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    sig.output = parse_quote!(-> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
}
