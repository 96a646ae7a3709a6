//! Writes the implementation of `kernel::ApiError`.

use super::{Detail, Kind, Problems};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Ident, ext::IdentExt, parse_quote};

pub(super) fn emit(Problems { name, kinds, fault }: &Problems) -> TokenStream {
    let rows = kinds.iter().map(|Kind { variant, code, name, doc, .. }| {
        let variant = variant.unraw().to_string();
        quote!(::kernel::ProblemKind { code: ::kernel::Code::#code, name: #name, variant: #variant, doc: #doc })
    });
    let codes = kinds.iter().map(|Kind { variant, code, .. }| quote!(Self::#variant { .. } => ::kernel::Code::#code));
    let encode = kinds.iter().map(encode);
    let details = details(kinds);
    let decode = kinds.iter().map(|kind| decode(kind, fault));
    quote! {
        impl ::kernel::ApiError for #name {
            const KINDS: &'static [::kernel::ProblemKind] = &[#(#rows),*];

            #details

            fn code(&self) -> ::kernel::Code {
                match self {
                    #(#codes,)*
                    Self::#fault(fault) => fault.code(),
                }
            }

            fn into_problem(self) -> ::kernel::Problem {
                match self {
                    #(#encode)*
                    Self::#fault(fault) => fault.into(),
                }
            }

            fn from_problem(problem: ::kernel::Problem) -> Self {
                match problem.code.as_str() {
                    #(#decode)*
                    _ => Self::#fault(problem.into()),
                }
            }
        }
    }
}

/// What stands in for the implementation when there are mistakes, so that the users of the enum do not add pages of their own.
pub(super) fn placeholder(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        generics.make_where_clause().predicates.push(parse_quote!(Self: ::std::error::Error + ::core::marker::Send + 'static));
    }
    let (generics, arguments, bounds) = generics.split_for_impl();
    // `thiserror` makes it for a variant with `#[from]`
    let from = (!has_from(input)).then(|| {
        quote! {
            impl #generics ::core::convert::From<::kernel::Fault> for #name #arguments #bounds {
                fn from(_: ::kernel::Fault) -> Self {
                    ::core::unreachable!()
                }
            }
        }
    });
    quote! {
        impl #generics ::kernel::ApiError for #name #arguments #bounds {
            const KINDS: &'static [::kernel::ProblemKind] = &[];

            fn code(&self) -> ::kernel::Code {
                ::core::unreachable!()
            }

            fn into_problem(self) -> ::kernel::Problem {
                ::core::unreachable!()
            }

            fn from_problem(_: ::kernel::Problem) -> Self {
                ::core::unreachable!()
            }
        }

        #from
    }
}

fn has_from(input: &DeriveInput) -> bool {
    let Data::Enum(data) = &input.data else { return false };
    let mut fields = data.variants.iter().flat_map(|variant| &variant.fields);
    fields.any(|field| field.attrs.iter().any(|attribute| attribute.path().is_ident("from")))
}

/// The schemas of the fields, from structs with the same ones: utoipa knows the names of types only inside its own macros.
fn details(kinds: &[Kind]) -> Option<TokenStream> {
    let with_fields = kinds.iter().filter(|kind| !kind.fields.is_empty());
    let schemas: Vec<_> = with_fields
        .map(|Kind { name, fields, .. }| {
            let fields = fields.iter().map(|Detail { name, ty, docs }| quote!(#(#docs)* #name: #ty));
            // named so that it hides no type of the fields
            quote! {{
                #[derive(::utoipa::ToSchema)]
                #[expect(dead_code, reason = "carries the attribute")]
                struct __Details {
                    #(#fields),*
                }

                ::kernel::openapi::Details::of::<__Details>(#name)
            }}
        })
        .collect();
    (!schemas.is_empty()).then(|| {
        quote! {
            fn details() -> ::std::vec::Vec<::kernel::openapi::Details> {
                ::std::vec![#(#schemas),*]
            }
        }
    })
}

/// Only references are bound, so that the text of the whole can still be made.
fn encode(Kind { variant, code, name, fields, .. }: &Kind) -> TokenStream {
    let problem = |details: TokenStream| quote!(::kernel::Problem::new(::kernel::Code::#code, #name, ::std::string::ToString::to_string(&self), #details));
    if fields.is_empty() {
        let problem = problem(quote!(::core::option::Option::None));
        return quote!(Self::#variant { .. } => #problem,);
    }
    let (fields, texts) = (names(fields), texts(fields));
    let problem = problem(quote!(::core::option::Option::Some(details)));
    quote! {
        Self::#variant { #(ref #fields),* } => {
            let details = [#((#texts, ::kernel::serde_json::to_value(#fields))),*];
            let details = details.into_iter().map(|(name, value)| value.map(|value| (name.to_owned(), value)));
            match details.collect::<::core::result::Result<::kernel::serde_json::Value, _>>() {
                ::core::result::Result::Ok(details) => #problem,
                ::core::result::Result::Err(error) => ::kernel::Fault::internal(error).into(),
            }
        }
    }
}

/// A field that is missing is read as `null`, so that optional ones can be added. What cannot be read is a fault with the same code.
fn decode(Kind { variant, name, fields, .. }: &Kind, fault: &Ident) -> TokenStream {
    if fields.is_empty() {
        return quote!(#name => Self::#variant {},);
    }
    let (fields, texts) = (names(fields), texts(fields));
    quote! {
        #name => {
            let detail = |name: &str| {
                let details = problem.details.as_ref();
                details.and_then(|details| details.get(name)).cloned().unwrap_or_default()
            };
            match (#(::kernel::serde_json::from_value(detail(#texts)),)*) {
                (#(::core::result::Result::Ok(#fields),)*) => Self::#variant { #(#fields),* },
                _ => Self::#fault(problem.into()),
            }
        }
    }
}

fn names(fields: &[Detail]) -> Vec<&Ident> {
    fields.iter().map(|field| &field.name).collect()
}

/// The names of fields on the wire.
fn texts(fields: &[Detail]) -> impl Iterator<Item = impl ToTokens> {
    fields.iter().map(|field| field.name.unraw().to_string())
}
