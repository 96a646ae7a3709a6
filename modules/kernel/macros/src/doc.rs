//! Doc comments, which become texts of the OpenAPI document.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The fix for an item without one.
pub(crate) const FIX: &str = "add a doc comment: it is what users read in the API documentation";

/// The text of the doc comment; empty when there is none.
pub(crate) fn text(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(line).map(|text| text.trim().to_owned());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The attributes that make it up, without `#[doc(hidden)]` and the like.
pub(crate) fn comment(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attribute| line(attribute).is_some()).cloned().collect()
}

fn line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
