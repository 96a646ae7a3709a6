//! The implementation behind a transport.

use crate::parse::{Api, Role};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) fn emit(api: &Api) -> TokenStream {
    let name = &api.item.ident;
    let remote = api.names().remote;
    let calls = api.ops.iter().enumerate().map(|(index, op)| {
        let (method, params, result) = (&op.name, op.params(&quote!(&::kernel::Ctx)), op.result());
        let args = op.args.iter().map(|arg| {
            let (name, text) = (&arg.name, arg.name.to_string());
            match arg.role {
                Role::Path | Role::Owner => quote_spanned!(arg.ty.span() => .param(#text, &#name)),
                Role::Query => quote_spanned!(arg.ty.span() => .query(&#name)),
                Role::Body => quote_spanned!(arg.ty.span() => .body(&#name)),
            }
        });
        quote! {
            async fn #method(&self, #params) -> #result {
                self.0.call(&OPS[#index], cx, ::kernel::Outgoing::new(&OPS[#index]) #(#args)*).await
            }
        }
    });
    quote! {
        struct #remote(::kernel::Transport);

        impl #name for #remote {
            #(#calls)*
        }
    }
}
