//! Reads a route attribute: `#[get("/products/{id}", access = anyone, ..)]`.

use crate::{
    diagnose::Mistakes,
    model::{Accepts, Access, Key, Retry, Route, Template, Verb},
    rate::Rate,
};
use proc_macro2::{Span, TokenStream, TokenTree};
use std::{fmt::Display, time::Duration};
use syn::{
    Attribute, Ident, LitInt, LitStr, Meta, Token,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

/// `None` when there is no path to go on with. A wrong value leaves its key [`Key::Wrong`], so that the others are still checked.
pub(super) fn read(attribute: &Attribute, mistakes: &Mistakes) -> Option<Route> {
    let (verb, at) = Verb::of(attribute).zip(attribute.path().get_ident().cloned())?;
    let Meta::List(list) = &attribute.meta else {
        mistakes.add(attribute, format!("write the path and who may call it: `#[{at}(\"/path\", access = ..)]`"));
        return None;
    };
    let parser = |input: ParseStream| {
        let path = input.parse().map_err(|e| syn::Error::new(e.span(), "start with the path: `\"/things/{id}\"`"))?;
        let mut route = Route {
            verb,
            at,
            path: template(path, mistakes),
            public: Key::Missing,
            access: Key::Missing,
            retry: Key::Missing,
            etag: Key::Missing,
            localized: Key::Missing,
            unless: Key::Missing,
            upload: Key::Missing,
            download: Key::Missing,
            within: Key::Missing,
            rate: Key::Missing,
            status: Key::Missing,
            location: Key::Missing,
            errors: Key::Missing,
        };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            if key == "errors" {
                let value = errors(until_comma(input)?, &key);
                fill(&mut route.errors, key, value, mistakes);
                continue;
            }
            if key == "upload" {
                let value = upload(until_comma(input)?, &key);
                fill(&mut route.upload, key, value, mistakes);
                continue;
            }
            if key == "download" {
                let value = download(until_comma(input)?, &key);
                fill(&mut route.download, key, value, mistakes);
                continue;
            }
            if key == "etag" {
                fill(&mut route.etag, key, Ok(()), mistakes);
                continue;
            }
            if key == "localized" {
                fill(&mut route.localized, key, Ok(()), mistakes);
                continue;
            }
            input.parse::<Token![=]>()?;
            match until_comma(input)? {
                value if value.is_empty() => mistakes.add(&key, format!("write a value for `{key}`")),
                value => set(&mut route, key, value, mistakes),
            }
        }
        Ok(route)
    };
    mistakes.keep(parser.parse2(list.tokens.clone()))
}

fn until_comma(input: ParseStream) -> syn::Result<TokenStream> {
    let mut value = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        value.extend([input.parse::<TokenTree>()?]);
    }
    Ok(value)
}

fn set(route: &mut Route, key: Ident, value: TokenStream, mistakes: &Mistakes) {
    match key.to_string().as_str() {
        "public" => fill(&mut route.public, key, public(value, mistakes), mistakes),
        "access" => fill(&mut route.access, key, access(value), mistakes),
        "retry" => fill(&mut route.retry, key, retry(value), mistakes),
        "unless" => fill(&mut route.unless, key, unless(value), mistakes),
        "within" => fill(&mut route.within, key, within(value), mistakes),
        "rate" => fill(&mut route.rate, key, rate(value), mistakes),
        "status" => fill(&mut route.status, key, status(value), mistakes),
        "location" => fill(&mut route.location, key, location(value, mistakes), mistakes),
        _ => mistakes.add(
            &key,
            "use one of the keys `public`, `access`, `retry`, `rate`, `status`, `location`, `etag`, `localized`, `unless`, `within`, `upload(..)`, \
                        `download(..)` and `errors(..)`",
        ),
    }
}

fn fill<T>(slot: &mut Key<T>, key: Ident, value: syn::Result<T>, mistakes: &Mistakes) {
    if !matches!(slot, Key::Missing) {
        mistakes.add(&key, format!("state `{key}` once"));
    }
    *slot = mistakes.keep(value).map_or(Key::Wrong, |value| Key::Is(key, value));
}

/// Parses a value; if that fails, the message is `fix`.
fn value<T>(tokens: TokenStream, parser: impl Parser<Output = T>, fix: impl Display) -> syn::Result<T> {
    parser.parse2(tokens.clone()).map_err(|_| syn::Error::new_spanned(tokens, fix))
}

fn text(tokens: TokenStream, fix: impl Display) -> syn::Result<LitStr> {
    value(tokens, |input: ParseStream| input.parse(), fix)
}

fn public(tokens: TokenStream, mistakes: &Mistakes) -> syn::Result<Template> {
    text(tokens, "write the path at the gateway: `public = \"/api/things/{id}\"`").map(|path| template(path, mistakes))
}

fn location(tokens: TokenStream, mistakes: &Mistakes) -> syn::Result<Template> {
    let path = text(tokens, "write the path of what was made, with members of the answer: `location = \"/api/things/{id}\"`");
    path.map(|path| template(path, mistakes))
}

fn template(text: LitStr, mistakes: &Mistakes) -> Template {
    let path = text.value();
    if !path.starts_with('/') {
        mistakes.add(&text, "start the path with `/`");
    }
    let mut params: Vec<String> = Vec::new();
    for segment in path.split('/') {
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if Ident::parse_any.parse_str(name).is_err() => {
                mistakes.add(&text, format!("name the parameter `{segment}` as in Rust: `{{id}}`"));
            }
            Some(name) if params.iter().any(|param| param == name) => {
                mistakes.add(&text, format!("use `{segment}` once"));
            }
            Some(name) => params.push(name.to_owned()),
            None if segment.contains(['{', '}', '?', '#']) => {
                mistakes.add(&text, format!("write `{segment}` as plain text or as one parameter: `{{id}}`"));
            }
            None => {}
        }
    }
    Template { text, params }
}

fn access(tokens: TokenStream) -> syn::Result<Access> {
    let parser = |input: ParseStream| {
        let word: Ident = input.parse()?;
        let names = |input: ParseStream| {
            let content;
            parenthesized!(content in input);
            let names = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
            Ok::<_, syn::Error>(names.iter().map(Ident::to_string).collect::<Vec<_>>())
        };
        match word.to_string().as_str() {
            "anyone" => Ok(Access::Anyone),
            "user" => Ok(Access::User),
            "role" => match names(input)?.join(",").as_str() {
                "admin" => Ok(Access::Role(Ident::new("Admin", Span::call_site()))),
                "customer" => Ok(Access::Role(Ident::new("Customer", Span::call_site()))),
                _ => Err(input.error("role")),
            },
            "module" => match names(input)? {
                modules if modules.is_empty() => Err(input.error("module")),
                modules => Ok(Access::Modules(modules)),
            },
            _ => Err(input.error("access")),
        }
    };
    value(tokens, parser, format!("write `access = {ACCESS}`"))
}

/// What `access` can be.
pub(crate) const ACCESS: &str = "anyone`, `user`, `role(admin)`, `role(customer)` or `module(name, ..)";

fn retry(tokens: TokenStream) -> syn::Result<Retry> {
    let parser = |input: ParseStream| {
        let word: Ident = input.parse()?;
        match word.to_string().as_str() {
            "key" => Ok(Retry::Key),
            "never" => Ok(Retry::Never),
            _ => Err(input.error("retry")),
        }
    };
    value(tokens, parser, "write `retry = key` or `retry = never`")
}

fn unless(tokens: TokenStream) -> syn::Result<Ident> {
    value(tokens, Ident::parse_any, "name the operation that does without `If-Match`: `unless = receive`")
}

fn rate(tokens: TokenStream) -> syn::Result<Rate> {
    const FIX: &str = "write the rate as `\"100/min\"`: a count of at least 1, and `s`, `min`, `hour` or `day`";
    let text = text(tokens, FIX)?;
    text.value().parse().map_err(|_| syn::Error::new_spanned(text, FIX))
}

fn within(tokens: TokenStream) -> syn::Result<Duration> {
    const FIX: &str = "write the time as `\"5min\"`: a number, and `s`, `min` or `hour`, at most `1hour`";
    let text = text(tokens, FIX)?;
    let value = text.value();
    let (count, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let seconds = match unit {
        "s" => Some(1),
        "min" => Some(60),
        "hour" => Some(3_600),
        _ => None,
    };
    let seconds = seconds.zip(count.parse().ok()).and_then(|(unit, count): (u64, u64)| unit.checked_mul(count));
    match seconds {
        Some(seconds @ 1..=3_600) => Ok(Duration::from_secs(seconds)),
        _ => Err(syn::Error::new_spanned(text, FIX)),
    }
}

fn upload(tokens: TokenStream, key: &Ident) -> syn::Result<Accepts> {
    const FIX: &str =
        "name what it takes, and at most how much: `upload(\"image/png\", .., max = \"20 MB\")`, in `KB`, `MB` or `GB`";
    let parser = |input: ParseStream| {
        let content;
        parenthesized!(content in input);
        let mut media_types = Vec::new();
        while !content.peek(Ident::peek_any) {
            media_types.push(media_type(content.parse()?)?);
            content.parse::<Token![,]>()?;
        }
        let max: Ident = content.parse()?;
        content.parse::<Token![=]>()?;
        let size = size(&content.parse::<LitStr>()?.value());
        content.parse::<Option<Token![,]>>()?;
        match size {
            Some(size) if max == "max" && content.is_empty() && !media_types.is_empty() => Ok(Accepts { media_types, max: size }),
            _ => Err(content.error(FIX)),
        }
    };
    parser.parse2(tokens).map_err(|_| syn::Error::new_spanned(key, FIX))
}

/// `20 MB`, in bytes.
fn size(text: &str) -> Option<u64> {
    let (count, unit) = text.split_once(' ')?;
    let unit = match unit {
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    count.parse::<u64>().ok().filter(|count| *count > 0)?.checked_mul(unit)
}

fn download(tokens: TokenStream, key: &Ident) -> syn::Result<Vec<LitStr>> {
    const FIX: &str = "name the media types of its answers: `download(\"image/png\", ..)`";
    let parser = |input: ParseStream| {
        let content;
        parenthesized!(content in input);
        let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
        if names.is_empty() { Err(input.error(FIX)) } else { names.into_iter().map(media_type).collect() }
    };
    parser.parse2(tokens).map_err(|_| syn::Error::new_spanned(key, FIX))
}

/// `image/png`: without parameters, in lower case.
fn media_type(text: LitStr) -> syn::Result<LitStr> {
    let value = text.value();
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || b"0123456789.+-".contains(&c));
    if value.split_once('/').is_some_and(|(kind, name)| is_name(kind) && is_name(name)) {
        Ok(text)
    } else {
        Err(syn::Error::new_spanned(text, "media type"))
    }
}

/// That the names are variants is up to the compiler.
fn errors(tokens: TokenStream, key: &Ident) -> syn::Result<Vec<Ident>> {
    const FIX: &str = "name variants of the error enum: `errors(NotFound, ..)`";
    let parser = |input: ParseStream| {
        let content;
        parenthesized!(content in input);
        let names = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
        if names.is_empty() { Err(input.error(FIX)) } else { Ok(names) }
    };
    let names = parser.parse2(tokens).map_err(|_| syn::Error::new_spanned(key, FIX))?;
    for (i, name) in names.iter().enumerate() {
        if name == "Fault" {
            return Err(syn::Error::new_spanned(name, "remove `Fault`: every operation can fail with a fault"));
        }
        if names.iter().take(i).any(|earlier| earlier == name) {
            return Err(syn::Error::new_spanned(name, format!("name `{name}` once")));
        }
    }
    Ok(names.into_iter().collect())
}

fn status(tokens: TokenStream) -> syn::Result<u16> {
    let parser = |input: ParseStream| match input.parse::<LitInt>()?.base10_parse()? {
        status @ (200 | 201 | 202 | 204) => Ok(status),
        _ => Err(input.error("status")),
    };
    value(tokens, parser, "use the status 200, 201, 202 or 204")
}
