//! `#[derive(ApiError)]`: reads the enum and checks it.

mod emit;

use crate::{diagnose::Mistakes, doc};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, FieldsNamed, Ident, LitStr, Token, Type, Variant, ext::IdentExt,
    parse::ParseStream,
};

/// The variants of `kernel::Code` in snake case.
const CODES: [&str; 17] = [
    "invalid_argument",
    "unauthenticated",
    "payment_required",
    "permission_denied",
    "not_found",
    "method_not_allowed",
    "conflict",
    "precondition_failed",
    "payload_too_large",
    "unsupported_media_type",
    "range_not_satisfiable",
    "unprocessable",
    "precondition_required",
    "too_many_requests",
    "internal",
    "unavailable",
    "deadline_exceeded",
];

/// The error enum of a module.
struct Problems {
    name: Ident,
    kinds: Vec<Kind>,
    /// The variant that holds the `kernel::Fault`.
    fault: Ident,
}

/// A variant that is a problem of the domain.
struct Kind {
    variant: Ident,
    /// The variant of `kernel::Code`.
    code: Ident,
    /// The stable name, e.g. `product.out_of_stock`.
    name: String,
    doc: String,
    fields: Vec<Detail>,
}

/// A field of it.
struct Detail {
    name: Ident,
    ty: Type,
    docs: Vec<Attribute>,
}

/// The whole expansion.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(e) => return e.to_compile_error(),
    };
    let mistakes = Mistakes::default();
    match problems(&input, &mistakes) {
        Some(problems) if !mistakes.any() => emit::emit(&problems),
        _ => {
            let (errors, placeholder) = (mistakes.report(), emit::placeholder(&input));
            quote!(#errors #placeholder)
        }
    }
}

fn problems(input: &DeriveInput, mistakes: &Mistakes) -> Option<Problems> {
    if !input.generics.params.is_empty() {
        mistakes.add(&input.generics, "remove the generics: an error has one form on the wire");
    }
    let module = module(input, mistakes);
    let Data::Enum(data) = &input.data else {
        mistakes.add(&input.ident, "make it an enum: each variant is one kind of problem");
        return None;
    };
    let (mut kinds, mut faults) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if doc::text(&variant.attrs).is_empty() {
            mistakes.add(&variant.ident, doc::FIX);
        }
        match code(variant, mistakes) {
            Some(code) if code == "fault" => faults.push(variant),
            Some(code) => kinds.extend(kind(&module, variant, &code, mistakes)),
            None => {}
        }
    }
    Some(Problems { name: input.ident.clone(), kinds, fault: fault(input, &faults, mistakes)? })
}

fn module(input: &DeriveInput, mistakes: &Mistakes) -> String {
    const FIX: &str = "write `#[api(module = \"name\")]`: it begins the stable names of the variants";
    let Some(attribute) = api(&input.attrs) else {
        mistakes.add(&input.ident, FIX);
        return String::new();
    };
    let parser = |input: ParseStream| {
        let key: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let name: LitStr = input.parse()?;
        if key == "module" && !name.value().is_empty() { Ok(name.value()) } else { Err(input.error(FIX)) }
    };
    let name = attribute.parse_args_with(parser).map_err(|_| syn::Error::new_spanned(attribute, FIX));
    mistakes.keep(name).unwrap_or_default()
}

fn api(attrs: &[Attribute]) -> Option<&Attribute> {
    attrs.iter().find(|attribute| attribute.path().is_ident("api"))
}

/// The word in `#[api(word)]`: a code, or `fault`.
fn code(variant: &Variant, mistakes: &Mistakes) -> Option<Ident> {
    let Some(attribute) = api(&variant.attrs) else {
        mistakes.add(&variant.ident, "say what kind of failure it is, e.g. `#[api(not_found)]`, or `#[api(fault)]`");
        return None;
    };
    let word: Option<Ident> = attribute.parse_args().ok();
    let known = word.filter(|word| word == "fault" || CODES.iter().any(|code| word == code));
    if known.is_none() {
        mistakes.add(attribute, format!("write `#[api(code)]` with one of `{}` or `fault`", CODES.join("`, `")));
    }
    known
}

fn kind(module: &str, variant: &Variant, code: &Ident, mistakes: &Mistakes) -> Option<Kind> {
    let fields = match &variant.fields {
        Fields::Unit => Vec::new(),
        Fields::Named(FieldsNamed { named, .. }) => named.iter().filter_map(detail).collect(),
        Fields::Unnamed(fields) => {
            mistakes.add(fields, "name the fields, as in `{ left: u32 }`: the names are the ones on the wire");
            return None;
        }
    };
    Some(Kind {
        variant: variant.ident.clone(),
        code: Ident::new(&pascal(&code.to_string()), code.span()),
        name: format!("{module}.{}", snake(&variant.ident.unraw().to_string())),
        doc: doc::text(&variant.attrs),
        fields,
    })
}

fn detail(Field { ident, ty, attrs, .. }: &Field) -> Option<Detail> {
    Some(Detail { name: ident.clone()?, ty: ty.clone(), docs: doc::comment(attrs) })
}

fn fault(input: &DeriveInput, faults: &[&Variant], mistakes: &Mistakes) -> Option<Ident> {
    const FIX: &str = "have exactly one variant `#[api(fault)] Fault(#[from] kernel::Fault)`";
    for extra in faults.iter().skip(1) {
        mistakes.add(&extra.ident, FIX);
    }
    let Some(first) = faults.first() else {
        mistakes.add(&input.ident, FIX);
        return None;
    };
    let holds_one = matches!(&first.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
    if first.ident != "Fault" || !holds_one {
        mistakes.add(first, FIX);
    }
    Some(first.ident.clone())
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

fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}
