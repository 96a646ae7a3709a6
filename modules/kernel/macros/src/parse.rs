//! Reads the trait. What one attribute or one signature says alone is checked on the way.

mod route;
mod signature;

use crate::{
    diagnose::Mistakes,
    doc,
    model::{Route, Verb},
};
use proc_macro2::TokenStream;
use syn::{
    Attribute, Ident, ItemTrait, LitStr, Token, TraitItem, TraitItemFn,
    parse::{ParseStream, Parser},
};

pub(crate) use {route::ACCESS, signature::Shape};

/// A method as far as it could be read.
pub(crate) struct Draft {
    pub(crate) name: Ident,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) route: Option<Route>,
    pub(crate) shape: Option<Shape>,
}

/// Reads the name of the module: `module = "product"`.
pub(crate) fn module(attributes: TokenStream, mistakes: &Mistakes) -> Option<String> {
    const FIX: &str = "write `#[kernel::api(module = \"name\")]`, the name in lower case";
    let parser = |input: ParseStream| {
        let key: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let name: LitStr = input.parse()?;
        let plain = name.value().starts_with(|c: char| c.is_ascii_lowercase())
            && name.value().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if key == "module" && plain { Ok(name.value()) } else { Err(input.error(FIX)) }
    };
    mistakes.keep(parser.parse2(attributes.clone()).map_err(|_| syn::Error::new_spanned(attributes, FIX)))
}

/// Reads the methods, and removes their route attributes.
pub(crate) fn methods(item: &mut ItemTrait, mistakes: &Mistakes) -> Vec<Draft> {
    let name = item.ident.to_string();
    if !name.ends_with("Api") || name == "Api" {
        mistakes.add(&item.ident, "let the name end in `Api`, as `ProductApi`: its client is then the `ProductClient`");
    }
    if !item.generics.params.is_empty() {
        mistakes.add(&item.generics, "remove the generics: there is one implementation behind a client");
    }
    if !item.supertraits.is_empty() {
        mistakes.add(&item.supertraits, "remove the supertraits: `Send + Sync + 'static` are added");
    }
    if item.items.is_empty() {
        mistakes.add(&item.ident, "add an operation");
    }
    let mut drafts = Vec::new();
    for part in &mut item.items {
        match part {
            TraitItem::Fn(method) => drafts.push(draft(method, mistakes)),
            other => mistakes.add(other, "move this out of the trait: it holds only operations, that is `async fn`s"),
        }
    }
    drafts
}

fn draft(method: &mut TraitItemFn, mistakes: &Mistakes) -> Draft {
    let name = method.sig.ident.clone();
    let routes: Vec<Attribute> = method.attrs.extract_if(.., |attribute| Verb::of(attribute).is_some()).collect();
    if doc::text(&method.attrs).is_empty() {
        mistakes.add(&name, doc::FIX);
    }
    if ["by", "clone", "local", "remote"].iter().any(|taken| name == taken) {
        mistakes.add(&name, format!("choose another name: the client has a method `{name}` of its own"));
    }
    if let Some(body) = &method.default {
        mistakes.add(body, "remove the body: implementations write it");
    }
    if routes.is_empty() {
        mistakes.add(
            &name,
            "add a route: `#[get(\"/path\", access = ..)]`, `#[post(..)]`, `#[put(..)]`, `#[patch(..)]` or `#[delete(..)]`",
        );
    }
    for extra in routes.iter().skip(1) {
        mistakes.add(extra, "remove this route: an operation has one");
    }
    let route = routes.first().and_then(|attribute| route::read(attribute, mistakes));
    Draft { name, docs: doc::comment(&method.attrs), route, shape: signature::read(&method.sig, mistakes) }
}
