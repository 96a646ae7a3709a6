//! The operations as data.

use crate::parse::{Access, Api, Op, Retry, Verb};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

pub(super) fn emit(api: &Api) -> TokenStream {
    let (vis, module) = (&api.item.vis, &api.module);
    let rows = api.ops.iter().map(|op| row(module, op));
    let constants = api.ops.iter().enumerate().map(|(index, op)| {
        let (name, doc) = (format_ident!("{}", op.name.to_string().to_uppercase()), format!("`{module}.{}`", op.name));
        quote!(#[doc = #doc] pub const #name: &::kernel::Op = &super::OPS[#index];)
    });
    let (all, one_by_one) = (format!("The operations of `{module}`, in the order of the trait."), format!("The operations of `{module}`, by name."));
    quote! {
        #[doc = #all]
        #vis const OPS: &[::kernel::Op] = &[#(#rows),*];

        #[doc = #one_by_one]
        #vis mod ops { #(#constants)* }
    }
}

fn row(module: &str, op: &Op) -> TokenStream {
    let (name, method, path, status) = (op.name.to_string(), op.verb.variant(), &op.path, op.status);
    let id = format!("{module}.{name}");
    let none = quote!(::core::option::Option::None);
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let public = op.public.as_ref().map_or_else(|| none.clone(), |public| some(quote!(#public)));
    let access = match &op.access {
        Some(Access::User) => quote!(User),
        Some(Access::Role(role)) => quote!(Role(::kernel::Role::#role)),
        Some(Access::Modules(modules)) => quote!(Modules(&[#(#modules),*])),
        // none was reported as a mistake
        Some(Access::Anyone) | None => quote!(Anyone),
    };
    let retry = match (op.verb, &op.retry) {
        (Verb::Post, Some((_, Retry::Key))) => quote!(Key),
        (Verb::Post, _) => quote!(Never),
        _ => quote!(Safe),
    };
    let rate = op.rate.as_ref().map_or(none, |(_, rate)| {
        let (count, seconds) = (rate.count, rate.seconds);
        some(quote!(::kernel::Rate { count: #count, window: ::core::time::Duration::from_secs(#seconds) }))
    });
    quote! {
        ::kernel::Op {
            module: #module,
            name: #name,
            id: #id,
            method: ::kernel::Method::#method,
            path: #path,
            public: #public,
            access: ::kernel::Access::#access,
            retry: ::kernel::Retry::#retry,
            rate: #rate,
            status: #status,
        }
    }
}
