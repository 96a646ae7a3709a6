//! `#[derive(ApiError)]`.

use crate::diagnose::Mistakes;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Ident, Lit, LitStr, Meta, Variant, spanned::Spanned};

const CODES: [(&str, &str); 14] = [
    ("invalid_argument", "InvalidArgument"),
    ("unauthenticated", "Unauthenticated"),
    ("payment_required", "PaymentRequired"),
    ("permission_denied", "PermissionDenied"),
    ("not_found", "NotFound"),
    ("method_not_allowed", "MethodNotAllowed"),
    ("conflict", "Conflict"),
    ("payload_too_large", "PayloadTooLarge"),
    ("unsupported_media_type", "UnsupportedMediaType"),
    ("unprocessable", "Unprocessable"),
    ("too_many_requests", "TooManyRequests"),
    ("internal", "Internal"),
    ("unavailable", "Unavailable"),
    ("deadline_exceeded", "DeadlineExceeded"),
];

/// A variant that is a problem of the domain.
struct Kind {
    variant: Ident,
    code: Ident,
    name: String,
    doc: String,
    fields: Vec<(Ident, syn::Type)>,
}

pub(crate) fn derive(item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(e) => return e.to_compile_error(),
    };
    let mistakes = Mistakes::default();
    let module = mistakes.keep(module(&input)).unwrap_or_default();
    let Data::Enum(data) = &input.data else {
        mistakes.add(input.ident.span(), "make it an enum: each variant is one kind of problem");
        return mistakes.report();
    };
    let (mut kinds, mut faults) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        match word(variant, &mistakes) {
            Some(word) if word == "fault" => faults.push(variant),
            Some(word) => kinds.extend(kind(&module, variant, &word, &mistakes)),
            None => {}
        }
    }
    let fault = match faults.as_slice() {
        [one] if matches!(&one.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1) => Some(&one.ident),
        _ => {
            mistakes.add(input.ident.span(), "have exactly one variant `#[api(fault)] Fault(#[from] kernel::Fault)`");
            None
        }
    };
    match fault {
        Some(fault) if !mistakes.any() => emit(&input.ident, fault, &kinds),
        _ => mistakes.report(),
    }
}

fn emit(name: &Ident, fault: &Ident, kinds: &[Kind]) -> TokenStream {
    let rows = kinds.iter().map(|Kind { code, name, doc, .. }| {
        quote!(::kernel::ProblemKind { code: ::kernel::Code::#code, name: #name, doc: #doc })
    });
    let codes = kinds.iter().map(|Kind { variant, code, .. }| quote!(Self::#variant { .. } => ::kernel::Code::#code));
    let out = kinds.iter().map(|Kind { variant, code, name, fields, .. }| {
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        let texts = names.iter().map(|name| name.to_string());
        let details = if fields.is_empty() {
            quote!(::core::option::Option::None)
        } else {
            quote!(::core::option::Option::Some(::kernel::serde_json::json!({ #(#texts: #names),* })))
        };
        quote!(Self::#variant { #(#names),* } => ::kernel::Problem::new(::kernel::Code::#code, #name, detail, #details))
    });
    let back = kinds.iter().map(|Kind { variant, name, fields, .. }| {
        let fields = fields.iter().map(|(field, ty)| {
            let text = field.to_string();
            quote! {
                #field: match details.get(#text).cloned().map(::kernel::serde_json::from_value::<#ty>) {
                    ::core::option::Option::Some(::core::result::Result::Ok(value)) => value,
                    _ => break 'kind,
                }
            }
        });
        quote!(#name => return Self::#variant { #(#fields),* })
    });
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
                let detail = ::std::string::ToString::to_string(&self);
                match self {
                    #(#out,)*
                    Self::#fault(fault) => fault.into(),
                }
            }

            fn from_problem(problem: ::kernel::Problem) -> Self {
                // a kind whose details cannot be read, like an unknown kind, is a fault with the same code
                'kind: {
                    let details = problem.details.as_ref().unwrap_or(&::kernel::serde_json::Value::Null);
                    match problem.code.as_str() {
                        #(#back,)*
                        _ => break 'kind,
                    }
                }
                Self::#fault(problem.into())
            }
        }
    }
}

fn module(input: &DeriveInput) -> syn::Result<String> {
    let fix = || syn::Error::new(input.ident.span(), "add `#[api(module = \"name\")]`: it begins the stable names of the variants");
    let attribute = input.attrs.iter().find(|a| a.path().is_ident("api")).ok_or_else(fix)?;
    let mut module = None;
    attribute.parse_nested_meta(|meta| {
        if !meta.path.is_ident("module") {
            return Err(fix());
        }
        module = Some(meta.value()?.parse::<LitStr>()?.value());
        Ok(())
    })?;
    module.ok_or_else(fix)
}

/// The word in `#[api(word)]`.
fn word(variant: &Variant, mistakes: &Mistakes) -> Option<Ident> {
    let attribute = variant.attrs.iter().find(|a| a.path().is_ident("api"));
    let Some(attribute) = attribute else {
        mistakes.add(variant.ident.span(), "say what kind of failure it is, e.g. `#[api(not_found)]`, or `#[api(fault)]`");
        return None;
    };
    mistakes.keep(attribute.parse_args())
}

fn kind(module: &str, variant: &Variant, word: &Ident, mistakes: &Mistakes) -> Option<Kind> {
    let code = CODES.iter().find(|(name, _)| word == name).map(|(_, code)| Ident::new(code, word.span()));
    if code.is_none() {
        let names: Vec<_> = CODES.iter().map(|(name, _)| *name).collect();
        mistakes.add(word.span(), format!("use one of {}, or `fault`", names.join(", ")));
    }
    let doc = doc(&variant.attrs);
    if doc.is_empty() {
        mistakes.add(variant.ident.span(), "add a doc comment: it is what users read in the API documentation");
    }
    let fields = match &variant.fields {
        Fields::Unit => Vec::new(),
        Fields::Named(fields) => fields.named.iter().filter_map(|f| Some((f.ident.clone()?, f.ty.clone()))).collect(),
        Fields::Unnamed(fields) => {
            mistakes.add(fields.span(), "name the fields: the names are the ones on the wire");
            return None;
        }
    };
    let name = format!("{module}.{}", snake(&variant.ident.to_string()));
    Some(Kind { variant: variant.ident.clone(), code: code?, name, doc, fields })
}

fn doc(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter(|a| a.path().is_ident("doc")).filter_map(|a| match &a.meta {
        Meta::NameValue(meta) => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
