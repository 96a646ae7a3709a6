//! The OpenAPI document: one `#[utoipa::path]` per operation, because utoipa names generic types and knows foreign ones only inside
//! its own macros. What the signatures do not say is added at run time by `kernel::openapi::finish`.

use crate::model::{Api, Op, Role};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

pub(super) fn emit(api: &Api) -> TokenStream {
    let (vis, module) = (&api.item.vis, &api.module);
    let error: Vec<_> = api.ops.iter().map(|op| &op.returns.error).take(1).collect();
    let query_types = api.ops.iter().filter_map(|op| Some(&op.arg(Role::Query)?.ty));
    let names: Vec<_> = api.ops.iter().map(|op| format_ident!("{}_{}", module, op.name)).collect();
    let functions = api.ops.iter().zip(&names).map(|(op, name)| function(module, op, name));
    let queries = api.ops.iter().enumerate().filter_map(|(index, op)| {
        let ty = &op.arg(Role::Query)?.ty;
        Some(quote!((#index, ::kernel::openapi::query::<#ty>)))
    });
    let doc = format!("The OpenAPI document of the operations of `{module}`, at their own paths, internal ones included.");
    quote! {
        #[doc = #doc]
        #vis fn openapi() -> ::utoipa::openapi::OpenApi {
            #(#functions)*

            // in a block of its own, so that it hides no type of the module
            let document = {
                #[derive(::utoipa::OpenApi)]
                #[openapi(paths(#(#names),*), components(schemas(::kernel::Problem)))]
                struct Document;

                <Document as ::utoipa::OpenApi>::openapi()
            };
            #(::kernel::bounds::error::<#error>();)*
            #(::kernel::bounds::query::<#query_types>();)*
            ::kernel::openapi::finish::<#(#error)*>(document, OPS, &[#(#queries),*])
        }
    }
}

/// Always JSON: utoipa would guess `text/plain` for strings. Streams are added by `finish`.
fn function(module: &str, op: &Op, name: &Ident) -> TokenStream {
    let (docs, path, id, status) = (&op.docs, &op.route.path.text, name.to_string(), op.status());
    let verb = &op.route.at;
    let params = op.args.iter().filter(|arg| matches!(arg.role, Role::Path | Role::Owner)).map(|arg| {
        let (name, ty) = (arg.text(), &arg.ty);
        // inline, because utoipa collects the schemas of bodies only
        quote!((#name = inline(#ty), Path))
    });
    let body = op.arg(Role::Body).map(|arg| {
        let ty = &arg.ty;
        quote!(request_body(content = #ty, content_type = "application/json"),)
    });
    let answer = (status != 204 && !op.is_download()).then(|| {
        let ok = &op.returns.ok;
        quote!(, body = #ok, content_type = "application/json")
    });
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
