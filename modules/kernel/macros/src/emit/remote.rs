//! The implementation behind a transport.

use super::{bounds, params};
use crate::model::{Api, Arg, Returns, Role};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn emit(api: &Api) -> TokenStream {
    let (name, remote) = (&api.item.ident, api.names().remote);
    let calls = api.ops.iter().enumerate().map(|(index, op)| {
        let (method, cx, Returns { whole, ok, error }) = (&op.name, &op.cx, &op.returns);
        let result = if op.is_download() { quote!(into_download::<#error>) } else { quote!(into_result::<#ok, #error>) };
        let (params, encode, bounds) = (params(op, quote!(&::kernel::Ctx)), op.args.iter().map(encode), bounds(op));
        quote! {
            async fn #method(&self, #params) -> #whole {
                #bounds
                match self.0.call(&OPS[#index], #cx, ::kernel::Outgoing::new(&OPS[#index]) #(#encode)*).await {
                    ::core::result::Result::Ok(reply) => reply.#result(&OPS[#index]),
                    ::core::result::Result::Err(fault) => ::core::result::Result::Err(::kernel::bounds::failed::<#error>(fault)),
                }
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

fn encode(arg: &Arg) -> TokenStream {
    let (Arg { name, ty, role }, text) = (arg, arg.text());
    match role {
        Role::Path | Role::Owner => quote!(.param::<#ty>(#text, &#name)),
        Role::Query => quote!(.query::<#ty>(&#name)),
        Role::Body => quote!(.body::<#ty>(&#name)),
        Role::Condition => quote!(.if_match(&#name)),
        Role::Upload => quote!(.upload(#name)),
    }
}
