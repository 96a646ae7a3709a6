//! Writes the implementation of `kernel::ApiError`.

use super::{Kind, Problems};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, ext::IdentExt};

pub(super) fn emit(Problems { name, kinds, fault }: &Problems) -> TokenStream {
    let rows = kinds.iter().map(
        |Kind { code, name, doc, .. }| quote!(::kernel::ProblemKind { code: ::kernel::Code::#code, name: #name, doc: #doc }),
    );
    let codes = kinds.iter().map(|Kind { variant, code, .. }| quote!(Self::#variant { .. } => ::kernel::Code::#code));
    let encode = kinds.iter().map(encode);
    let decode = kinds.iter().map(|kind| decode(kind, fault));
    quote! {
        impl ::kernel::ApiError for #name {
            const KINDS: &'static [::kernel::ProblemKind] = &[#(#rows),*];

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

/// Only references are bound, so that the text of the whole can still be made.
fn encode(Kind { variant, code, name, fields, .. }: &Kind) -> TokenStream {
    let problem = |details: TokenStream| quote!(::kernel::Problem::new(::kernel::Code::#code, #name, ::std::string::ToString::to_string(&self), #details));
    if fields.is_empty() {
        let problem = problem(quote!(::core::option::Option::None));
        return quote!(Self::#variant { .. } => #problem,);
    }
    let texts = texts(fields);
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
    let texts = texts(fields);
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

/// The names of fields on the wire.
fn texts(fields: &[Ident]) -> impl Iterator<Item = impl ToTokens> {
    fields.iter().map(|field| field.unraw().to_string())
}
