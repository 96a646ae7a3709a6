//! The trait itself: `async fn` becomes a future that can move between threads. Implementers still write `async fn`.

use crate::parse::Api;
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn emit(api: &Api) -> TokenStream {
    let (attrs, vis, name) = (&api.item.attrs, &api.item.vis, &api.item.ident);
    let methods = api.ops.iter().map(|op| {
        let cx = &op.cx;
        let (docs, name, params, result) = (&op.docs, &op.name, op.params(&quote!(#cx)), op.result());
        quote! {
            #(#docs)*
            fn #name(&self, #params) -> impl ::core::future::Future<Output = #result> + ::core::marker::Send;
        }
    });
    quote! {
        #(#attrs)*
        #vis trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}
