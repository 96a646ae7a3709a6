//! The side that answers requests: decodes arguments, calls, encodes the result. Without a web framework.

use super::bounds;
use crate::model::{Api, Arg, Op, Returns, Role, Verb};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

pub(super) fn emit(api: &Api) -> TokenStream {
    let client = api.names().client;
    let arms = api.ops.iter().enumerate().map(|(index, op)| arm(api, index, op));
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

            fn openapi(&self) -> ::kernel::utoipa::openapi::OpenApi {
                openapi()
            }
        }
    }
}

/// Access was checked by then: a stranger learns nothing of what an operation takes. Nothing is bound to the names of parameters,
/// so that they cannot hide what the arm itself needs.
fn arm(api: &Api, index: usize, op: &Op) -> TokenStream {
    let (name, method, bounds) = (&api.item.ident, &op.name, bounds(op));
    let Returns { ok, error, .. } = &op.returns;
    let no_query = op.arg(Role::Query).is_none().then(|| quote!(incoming.no_query()?;));
    let no_condition =
        (op.arg(Role::Condition).is_none() && op.route.verb != Verb::Get).then(|| quote!(incoming.no_if_match()?;));
    let reply = if op.is_download() {
        quote!(of_download::<#error>)
    } else if op.is_tagged() {
        quote!(of_tagged::<#ok, #error>)
    } else {
        quote!(of::<#ok, #error>)
    };
    // taken away before the rest is read
    let stream = op.arg(Role::Upload).map(|_| quote!(let mut incoming = incoming; let upload = incoming.upload();));
    let decode = op.args.iter().map(decode);
    let args = (0..op.args.len()).map(Index::from);
    quote! {
        #index => {
            #bounds
            #stream
            let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                #no_query
                #no_condition
                ::core::result::Result::Ok((#(#decode,)*))
            };
            match decode() {
                ::core::result::Result::Ok(args) => {
                    let result = #name::#method(&*self, &cx #(, args.#args)*).await;
                    ::kernel::Reply::#reply(&OPS[#index], &cx, result)
                }
                ::core::result::Result::Err(fault) => {
                    ::kernel::Reply::problem(fault.into(), ::core::option::Option::Some(&cx))
                }
            }
        }
    }
}

fn decode(arg: &Arg) -> TokenStream {
    let (ty, text) = (&arg.ty, arg.text());
    match arg.role {
        Role::Path => quote!(incoming.param::<#ty>(#text)?),
        Role::Owner => quote!(incoming.own_param(&cx, #text)?),
        Role::Query => quote!(incoming.query::<#ty>()?),
        Role::Body => quote!(incoming.body::<#ty>()?),
        Role::Condition => quote!(incoming.if_match()?),
        Role::Upload => quote!(upload?),
    }
}
