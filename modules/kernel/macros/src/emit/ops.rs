//! The operations as data.

use super::instead;
use crate::model::{Accepts, Access, Api, Key, Op, Retry, Role, Verb};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;

pub(super) fn emit(api: &Api) -> TokenStream {
    let (vis, module) = (&api.item.vis, &api.module);
    let rows = api.ops.iter().map(|op| row(api, op));
    let constants = api.ops.iter().enumerate().map(|(index, op)| {
        let (name, doc) = (format_ident!("{}", op.text().to_uppercase()), format!("`{module}.{}`", op.text()));
        quote!(#[doc = #doc] pub const #name: &::kernel::Op = &super::OPS[#index];)
    });
    let declared = api.ops.iter().filter_map(declared);
    let all = format!("The operations of `{module}`, in the order of the trait.");
    let one_by_one = format!("The operations of `{module}`, by name.");
    quote! {
        #[doc = #all]
        #vis static OPS: &[::kernel::Op] = &[#(#rows),*];

        #[doc = #one_by_one]
        #vis mod ops { #(#constants)* }

        #(#declared)*
    }
}

fn row(api: &Api, op: &Op) -> TokenStream {
    let (module, name, route) = (&api.module, op.text(), &op.route);
    let id = format!("{module}.{name}");
    let (method, path) = (route.verb.variant(), &route.path.text);
    let public = option(route.public.value().map(|public| {
        let text = &public.text;
        quote!(#text)
    }));
    let access = match route.access.value() {
        Some(Access::User) => quote!(User),
        Some(Access::Role(role)) => quote!(Role(::kernel::Role::#role)),
        Some(Access::Modules(modules)) => quote!(Modules(&[#(#modules),*])),
        // none would have been reported as a mistake
        Some(Access::Anyone) | None => quote!(Anyone),
    };
    let retry = match (route.verb, &route.retry) {
        (Verb::Post, Key::Is(_, Retry::Key)) => quote!(Key),
        (Verb::Post, _) => quote!(Never),
        _ => quote!(Safe),
    };
    let rate = option(route.rate.value().map(|rate| {
        let (count, seconds) = (rate.count, rate.window.as_secs());
        quote!(::kernel::Rate { count: #count, window: ::core::time::Duration::from_secs(#seconds) })
    }));
    let (etag, localized) = (op.is_tagged(), op.route.localized.value().is_some());
    let condition = match (op.arg(Role::Condition), instead(api, op)) {
        (None, _) => quote!(None),
        (Some(_), None) => quote!(Optional),
        (Some(_), Some(instead)) => quote!(Demanded { instead: #instead }),
    };
    let upload = option(
        route
            .upload
            .value()
            .map(|Accepts { media_types, max }| quote!(::kernel::Accepts { media_types: &[#(#media_types),*], max: #max })),
    );
    let download = route.download.value().into_iter().flatten();
    let within = option(route.within.value().map(|within| {
        let seconds = within.as_secs();
        quote!(::core::time::Duration::from_secs(#seconds))
    }));
    let status = op.status();
    let location = option(route.location.value().map(|location| {
        let text = &location.text;
        quote!(#text)
    }));
    let error = &op.returns.error;
    let errors = match route.errors.value() {
        Some(variants) => {
            let names = variants.iter().map(|variant| variant.unraw().to_string());
            quote!({
                ::kernel::bounds::error::<#error>();
                &[#(::kernel::ProblemKind::of::<#error>(#names)),*]
            })
        }
        None => quote!(&[]),
    };
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
            etag: #etag,
            localized: #localized,
            condition: ::kernel::Condition::#condition,
            upload: #upload,
            download: &[#(#download),*],
            within: #within,
            rate: #rate,
            status: #status,
            location: #location,
            errors: #errors,
        }
    }
}

/// Names the variants, so that one that does not exist is reported at its name.
fn declared(op: &Op) -> Option<TokenStream> {
    let (error, variants) = (&op.returns.error, op.route.errors.value()?);
    Some(quote! {
        const _: () = {
            // paths of patterns begin with a name
            type Error = #error;
            let _ = |error: &Error| matches!(error, #(Error::#variants { .. })|*);
        };
    })
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
