//! The client: the erased twin of the trait, which can stand behind a pointer, and the one interceptor in front of it.

use super::{bounds, instead, names, params};
use crate::model::{Api, Arg, Names, Op, Returns, Role};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn emit(api: &Api) -> TokenStream {
    let (vis, name, module) = (&api.item.vis, &api.item.ident, &api.module);
    let Names { client, erased, remote } = api.names();
    let declared = api.ops.iter().map(erased_signature);
    let implemented = api.ops.iter().enumerate().map(|(index, op)| {
        let (signature, method, cx, args) = (erased_signature(op), &op.name, &op.cx, names(op));
        let validate = validate(api, index, op);
        let bounds = bounds(op);
        quote! {
            #signature {
                #bounds
                ::std::boxed::Box::pin(async move {
                    #validate
                    #name::#method(&*self, &#cx #args).await
                })
            }
        }
    });
    let calls = api.ops.iter().enumerate().map(|(index, op)| {
        let (method, cx, args, Returns { whole, ok, error }) = (&op.name, &op.cx, names(op), &op.returns);
        let (params, owner, bounds) = (params(op, quote!(&::kernel::Ctx)), owner(op), bounds(op));
        quote! {
            async fn #method(&self, #params) -> #whole {
                #bounds
                self.calls
                    .run::<#ok, #error>(#index, #cx, #owner, |#cx| #erased::#method(::std::sync::Arc::clone(&self.to), #cx #args))
                    .await
            }
        }
    });
    let doc = format!("The client of `{module}`: what other modules hold, wherever it runs. Cheap to clone.");
    quote! {
        // `async fn` cannot be called behind a pointer
        trait #erased: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#declared;)*
        }

        impl<T: #name> #erased for T {
            #(#implemented)*
        }

        #[doc = #doc]
        #[derive(Clone)]
        #vis struct #client {
            calls: ::kernel::Calls,
            to: ::std::sync::Arc<dyn #erased>,
        }

        impl #client {
            /// A client of an implementation in this process.
            #vis fn local(service: impl #name) -> Self {
                let calls = ::kernel::Calls::new(::kernel::Placement::Local, OPS);
                Self { calls, to: ::std::sync::Arc::new(service) }
            }


            /// A client of an implementation behind `transport`.
            #vis fn remote(transport: ::kernel::Transport) -> Self {
                let calls = ::kernel::Calls::new(::kernel::Placement::Remote, OPS);
                Self { calls, to: ::std::sync::Arc::new(#remote(transport)) }
            }

            /// This client in the hands of `module`, in whose name its calls are then made.
            #vis fn called_by(&self, module: &'static str) -> Self {
                Self { calls: self.calls.called_by(module), to: ::std::sync::Arc::clone(&self.to) }
            }
        }

        impl ::kernel::Client for #client {
            fn remote(transport: ::kernel::Transport) -> Self {
                Self::remote(transport)
            }

            fn called_by(&self, module: &'static str) -> Self {
                self.called_by(module)
            }
        }

        impl #name for #client {
            #(#calls)*
        }
    }
}

fn erased_signature(op: &Op) -> TokenStream {
    let (name, params, returns) = (&op.name, params(op, quote!(::kernel::Ctx)), &op.returns.whole);
    quote!(fn #name(self: ::std::sync::Arc<Self>, #params) -> ::kernel::BoxFuture<#returns>)
}

/// The rules of the query or body, the demand for a condition and what a stream may be are checked inside the call: after access, before the operation, in
/// every placement.
fn validate(api: &Api, index: usize, op: &Op) -> TokenStream {
    let demand = instead(api, op).zip(op.arg(Role::Condition)).map(|(instead, Arg { name, .. })| {
        let error = &op.returns.error;
        quote!(::kernel::IfMatch::demanded(&#name, #instead).map_err(::kernel::bounds::failed::<#error>)?;)
    });
    let (payload, error) = (op.args.iter().filter(|arg| matches!(arg.role, Role::Query | Role::Body)), &op.returns.error);
    let checks = payload
        .map(|Arg { name, ty, .. }| quote!(::kernel::validate::<#ty>(&#name).map_err(::kernel::bounds::failed::<#error>)?;));
    let stream = op.arg(Role::Upload).map(|Arg { name, ty, .. }| {
        quote!(let #name = <#ty>::admitted(#name, &OPS[#index]).map_err(::kernel::bounds::failed::<#error>)?;)
    });
    checks.chain(demand).chain(stream).collect()
}

/// The user whose things the path names.
fn owner(op: &Op) -> TokenStream {
    match op.arg(Role::Owner) {
        Some(arg) => {
            let name = &arg.name;
            quote!(::core::option::Option::Some(#name))
        }
        None => quote!(::core::option::Option::None),
    }
}
