//! The implementation behind a transport.

use super::params;
use crate::model::{Api, Arg, Role, at};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn emit(api: &Api) -> TokenStream {
    let (name, remote) = (&api.item.ident, api.names().remote);
    let calls = api.ops.iter().enumerate().map(|(index, op)| {
        let (method, cx, returns) = (&op.name, &op.cx, &op.returns.whole);
        let (params, encode) = (params(op, quote!(&::kernel::Ctx)), op.args.iter().map(encode));
        // at the type of success, so that a missing `Deserialize` is reported there
        let call = quote_spanned! { at(&op.returns.ok) =>
            self.0.call(&OPS[#index], #cx, ::kernel::Outgoing::new(&OPS[#index]) #(#encode)*).await
        };
        quote!(async fn #method(&self, #params) -> #returns { #call })
    });
    quote! {
        struct #remote(::kernel::Transport);

        impl #name for #remote {
            #(#calls)*
        }
    }
}

/// At the argument's type, so that a missing `Serialize` or `Display` is reported there.
fn encode(arg: &Arg) -> TokenStream {
    let (name, text) = (&arg.name, arg.text());
    match arg.role {
        Role::Path | Role::Owner => quote_spanned!(at(&arg.ty) => .param(#text, &#name)),
        Role::Query => quote_spanned!(at(&arg.ty) => .query(&#name)),
        Role::Body => quote_spanned!(at(&arg.ty) => .body(&#name)),
    }
}
