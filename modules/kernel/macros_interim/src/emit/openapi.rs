//! The OpenAPI document: one `#[utoipa::path]` per operation, because utoipa names generic types and knows foreign ones only inside
//! its own macros. What the signatures do not say is added at run time by `kernel::openapi::finish`.

use crate::parse::{Api, Op, Role};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Type;

pub(super) fn emit(api: &Api, error: &Type) -> TokenStream {
    let (vis, module) = (&api.item.vis, &api.module);
    let (names, functions): (Vec<_>, Vec<_>) = api
        .ops
        .iter()
        .map(|op| {
            let name = format_ident!("{}_{}", module, op.name);
            (name.clone(), function(module, op, &name))
        })
        .unzip();
    let queries = api.ops.iter().enumerate().filter_map(|(index, op)| {
        let ty = &op.arg(Role::Query)?.ty;
        Some(quote!((#index, ::kernel::openapi::query::<#ty>)))
    });
    let doc = format!("The OpenAPI document of the operations of `{module}`, at their own paths, internal ones included.");
    quote! {
        #[doc = #doc]
        #vis fn openapi() -> ::utoipa::openapi::OpenApi {
            #(#functions)*

            #[derive(::utoipa::OpenApi)]
            #[openapi(paths(#(#names),*), components(schemas(::kernel::Problem)))]
            struct Document;

            let document = <Document as ::utoipa::OpenApi>::openapi();
            ::kernel::openapi::finish::<#error>(document, OPS, &[#(#queries),*])
        }
    }
}

fn function(module: &str, op: &Op, name: &proc_macro2::Ident) -> TokenStream {
    let (docs, verb, path, id, status) = (&op.docs, format_ident!("{}", op.verb.name()), &op.path, name.to_string(), op.status);
    let params = op.args.iter().filter(|arg| matches!(arg.role, Role::Path | Role::Owner)).map(|arg| {
        let (name, ty) = (arg.name.to_string(), &arg.ty);
        quote!((#name = #ty, Path))
    });
    let body = op.arg(Role::Body).map(|arg| {
        let ty = &arg.ty;
        quote!(request_body = #ty,)
    });
    let answer = if op.status == 204 {
        quote!()
    } else {
        let ok = &op.ok;
        quote!(, body = #ok)
    };
    quote! {
        #(#docs)*
        #[::utoipa::path(
            #verb,
            path = #path,
            tag = #module,
            operation_id = #id,
            params(#(#params),*),
            #body
            responses((status = #status, description = "Success" #answer))
        )]
        #[expect(dead_code, reason = "carries the attribute")]
        fn #name() {}
    }
}
