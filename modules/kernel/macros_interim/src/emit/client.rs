//! The client: the erased twin of the trait, which can stand behind a pointer, and the one interceptor in front of it.

use crate::parse::{Api, Op, Role};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

pub(super) fn emit(api: &Api) -> TokenStream {
    let (vis, name, module) = (&api.item.vis, &api.item.ident, &api.module);
    let super::Names { client, erased, remote } = api.names();
    let declared = api.ops.iter().map(|op| {
        let signature = erased_signature(op);
        quote!(#signature;)
    });
    let implemented = api.ops.iter().map(|op| {
        let (signature, method, args, check) = (erased_signature(op), &op.name, op.names(), validate(op));
        quote! {
            #signature {
                ::std::boxed::Box::pin(async move {
                    #check
                    #name::#method(&*self, &cx, #args).await
                })
            }
        }
    });
    let calls = api.ops.iter().enumerate().map(|(index, op)| {
        let (method, params, result, args) = (&op.name, op.params(&quote!(&::kernel::Ctx)), op.result(), op.names());
        let owner = match op.arg(Role::Owner) {
            Some(owner) => {
                let owner = &owner.name;
                quote!(::core::option::Option::Some(#owner))
            }
            None => quote!(::core::option::Option::None),
        };
        quote! {
            async fn #method(&self, #params) -> #result {
                self.calls.run(#index, cx, #owner, |cx| ::std::sync::Arc::clone(&self.to).#method(cx, #args)).await
            }
        }
    });
    let doc = format!("The client of the `{module}` module: what others hold, wherever it runs. Cheap to clone.");
    quote! {
        trait #erased: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#declared)*
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
            #vis fn by(&self, module: &'static str) -> Self {
                Self { calls: self.calls.by(module), to: ::std::sync::Arc::clone(&self.to) }
            }
        }

        impl #name for #client {
            #(#calls)*
        }
    }
}

fn erased_signature(op: &Op) -> TokenStream {
    let (name, params, result) = (&op.name, op.params(&quote!(::kernel::Ctx)), op.result());
    quote!(fn #name(self: ::std::sync::Arc<Self>, #params) -> ::kernel::BoxFuture<#result>)
}

/// The rules of the query or body are checked inside the call, after access and before the operation.
fn validate(op: &Op) -> TokenStream {
    op.payload().map_or_else(TokenStream::new, |arg| {
        let name = &arg.name;
        // at the type, so that a missing `Validate` is reported there
        quote_spanned!(arg.ty.span() => ::kernel::validate(&#name)?;)
    })
}
