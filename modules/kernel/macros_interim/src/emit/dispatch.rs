//! The side that answers requests: decodes arguments, calls, encodes the result. Without a web framework.

use crate::parse::{Api, Op, Role};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) fn emit(api: &Api) -> TokenStream {
    let client = api.names().client;
    let name = &api.item.ident;
    let arms = api.ops.iter().enumerate().map(|(index, op)| {
        let (method, result, args, decode) = (&op.name, op.result(), op.names(), decode(op));
        quote! {
            #index => {
                let result: #result = async {
                    #(#decode)*
                    #name::#method(&*self, &cx, #args).await
                }
                .await;
                ::kernel::Reply::of(&OPS[#index], &cx, result)
            }
        }
    });
    quote! {
        impl ::kernel::Dispatch for #client {
            fn ops(&self) -> &'static [::kernel::Op] {
                OPS
            }

            fn dispatch(
                self: ::std::sync::Arc<Self>,
                index: usize,
                cx: ::kernel::Ctx,
                incoming: ::kernel::Incoming,
            ) -> ::kernel::BoxFuture<::kernel::Reply> {
                ::std::boxed::Box::pin(async move {
                    // before anything is decoded: a stranger learns nothing of what an operation takes
                    if let ::core::result::Result::Err(fault) = self.calls.admit(index, &cx) {
                        return ::kernel::Reply::problem(fault.into(), ::core::option::Option::Some(&cx));
                    }
                    match index {
                        #(#arms)*
                        _ => ::kernel::Reply::problem(
                            ::kernel::Fault::new(::kernel::Code::NotFound, "Endpoint not found").into(),
                            ::core::option::Option::Some(&cx),
                        ),
                    }
                })
            }

            fn openapi(&self) -> ::utoipa::openapi::OpenApi {
                openapi()
            }
        }
    }
}

fn decode(op: &Op) -> Vec<TokenStream> {
    let mut decode: Vec<TokenStream> = Vec::new();
    if op.arg(Role::Query).is_none() {
        decode.push(quote!(incoming.no_query()?;));
    }
    decode.extend(op.args.iter().map(|arg| {
        let (name, ty, text) = (&arg.name, &arg.ty, arg.name.to_string());
        match arg.role {
            Role::Path => quote_spanned!(ty.span() => let #name = incoming.param::<#ty>(#text)?;),
            Role::Owner => quote_spanned!(ty.span() => let #name = incoming.own_param(&cx, #text)?;),
            Role::Query => quote_spanned!(ty.span() => let #name = incoming.query::<#ty>()?;),
            Role::Body => quote_spanned!(ty.span() => let #name = incoming.body::<#ty>()?;),
        }
    }));
    decode
}
