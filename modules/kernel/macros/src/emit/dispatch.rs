//! The side that answers requests: decodes arguments, calls, encodes the result. Without a web framework.

use crate::model::{Api, Arg, Op, Role, at};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

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
    let (name, method, returns) = (&api.item.ident, &op.name, &op.returns.whole);
    let no_query = match op.arg(Role::Query) {
        Some(_) => quote!(),
        None => quote_spanned!(at(&op.returns.error) => incoming.no_query()?;),
    };
    let decode = op.args.iter().map(decode);
    // at the type of success, so that a missing `Serialize` is reported there
    let reply = quote_spanned!(at(&op.returns.ok) => ::kernel::Reply::of(&OPS[#index], &cx, result));
    quote! {
        #index => {
            let result: #returns = async {
                #no_query
                #name::#method(&*self, &cx #(, #decode)*).await
            }
            .await;
            #reply
        }
    }
}

fn decode(arg: &Arg) -> TokenStream {
    let (ty, text) = (&arg.ty, arg.text());
    match arg.role {
        Role::Path => quote_spanned!(at(ty) => incoming.param::<#ty>(#text)?),
        Role::Owner => quote_spanned!(at(ty) => incoming.own_param(&cx, #text)?),
        Role::Query => quote_spanned!(at(ty) => incoming.query::<#ty>()?),
        Role::Body => quote_spanned!(at(ty) => incoming.body::<#ty>()?),
    }
}
