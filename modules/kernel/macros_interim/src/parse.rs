//! Reads the trait and its attributes into a model. What one attribute or one signature says alone is checked here.

use crate::diagnose::Mistakes;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, FnArg, GenericArgument, Ident, ItemTrait, LitInt, LitStr, Pat, PathArguments, ReturnType, Signature, Token,
    TraitItem, TraitItemFn, Type,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
    spanned::Spanned,
};

/// An annotated trait.
pub(crate) struct Api {
    pub(crate) module: String,
    pub(crate) item: ItemTrait,
    pub(crate) ops: Vec<Op>,
}

/// A method of the trait.
pub(crate) struct Op {
    pub(crate) name: Ident,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) verb: Verb,
    pub(crate) path: LitStr,
    pub(crate) public: Option<LitStr>,
    pub(crate) access: Option<Access>,
    pub(crate) retry: Option<(Span, Retry)>,
    pub(crate) rate: Option<(Span, Rate)>,
    pub(crate) status: u16,
    pub(crate) status_span: Span,
    /// `&Ctx`, as it is written.
    pub(crate) cx: Type,
    pub(crate) args: Vec<Arg>,
    pub(crate) ok: Type,
    pub(crate) error: Type,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    const ALL: [(&'static str, Verb); 4] =
        [("get", Verb::Get), ("post", Verb::Post), ("put", Verb::Put), ("delete", Verb::Delete)];

    /// The name of the attribute.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, verb)| *verb == self).map_or("", |(name, _)| name)
    }

    /// The variant of `kernel::Method`.
    pub(crate) fn variant(self) -> TokenStream {
        match self {
            Verb::Get => quote!(Get),
            Verb::Post => quote!(Post),
            Verb::Put => quote!(Put),
            Verb::Delete => quote!(Delete),
        }
    }

    pub(crate) fn takes_body(self) -> bool {
        matches!(self, Verb::Post | Verb::Put)
    }

    fn of(attribute: &Attribute) -> Option<Verb> {
        Self::ALL.iter().find(|(name, _)| attribute.path().is_ident(name)).map(|(_, verb)| *verb)
    }
}

pub(crate) enum Access {
    Anyone,
    User,
    Role(TokenStream),
    Modules(Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    Key,
    Never,
}

pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) seconds: u64,
}

/// A parameter after `cx`.
pub(crate) struct Arg {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// In both paths.
    Path,
    /// In the module's own path only: at the gateway it is the caller.
    Owner,
    Query,
    Body,
}

impl Op {
    pub(crate) fn is_internal(&self) -> bool {
        matches!(self.access, Some(Access::Modules(_)))
    }

    pub(crate) fn arg(&self, role: Role) -> Option<&Arg> {
        self.args.iter().find(|arg| arg.role == role)
    }

    /// The query or body, whose rules are checked before the operation runs.
    pub(crate) fn payload(&self) -> Option<&Arg> {
        self.args.iter().find(|arg| matches!(arg.role, Role::Query | Role::Body))
    }
}

/// The names in braces of a path.
pub(crate) fn names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

/// Reads everything; `None` only where there is nothing to go on with. The route attributes are removed from the trait.
pub(crate) fn api(attributes: TokenStream, mut item: ItemTrait, mistakes: &Mistakes) -> Api {
    let module = mistakes.keep(module.parse2(attributes)).unwrap_or_default();
    if !item.ident.to_string().ends_with("Api") {
        mistakes.add(item.ident.span(), format!("name the trait `{}Api`: its client will be `{}Client`", item.ident, item.ident));
    }
    if !item.generics.params.is_empty() {
        mistakes.add(item.generics.span(), "remove the generics: there is one implementation behind a client");
    }
    if !item.supertraits.is_empty() {
        mistakes.add(item.supertraits.span(), "remove the supertraits: `Send + Sync + 'static` are added");
    }
    let mut ops = Vec::new();
    for part in &mut item.items {
        match part {
            TraitItem::Fn(method) => ops.extend(op(method, mistakes)),
            other => mistakes.add(other.span(), "move this out of the trait: it holds only operations, that is `async fn`s"),
        }
    }
    Api { module, item, ops }
}

fn module(input: ParseStream) -> syn::Result<String> {
    const FIX: &str = "write `#[kernel::api(module = \"name\")]`";
    let key: Ident = input.parse().map_err(|e| syn::Error::new(e.span(), FIX))?;
    if key != "module" {
        return Err(syn::Error::new(key.span(), FIX));
    }
    input.parse::<Token![=]>()?;
    let name: LitStr = input.parse().map_err(|e| syn::Error::new(e.span(), FIX))?;
    if !input.is_empty() {
        return Err(syn::Error::new(input.span(), FIX));
    }
    Ok(name.value())
}

fn op(method: &mut TraitItemFn, mistakes: &Mistakes) -> Option<Op> {
    let routes: Vec<Attribute> = method.attrs.extract_if(.., |attribute| Verb::of(attribute).is_some()).collect();
    let docs: Vec<Attribute> = method.attrs.iter().filter(|a| a.path().is_ident("doc")).cloned().collect();
    let name = method.sig.ident.clone();
    if docs.is_empty() {
        mistakes.add(name.span(), "add a doc comment: it is what users read in the API documentation");
    }
    if let Some(body) = &method.default {
        mistakes.add(body.span(), "remove the body: implementations write it");
    }
    let signature = signature(&method.sig, mistakes);
    let route = match routes.as_slice() {
        [route] => mistakes.keep(route.parse_args::<Route>()).zip(Verb::of(route)),
        [] => {
            mistakes.add(name.span(), "add a route: `#[get(\"/path\", access = ..)]`, `#[post(..)]`, `#[put(..)]` or `#[delete(..)]`");
            None
        }
        [_, second, ..] => {
            mistakes.add(second.span(), "remove this route: an operation has one");
            None
        }
    };
    let ((route, verb), Shape { cx, params, ok, error }) = route.zip(signature)?;
    let status_span = route.status.as_ref().map_or(name.span(), |(span, _)| *span);
    let status = route.status.map_or(200, |(_, status)| status);
    let args = args(params, &route.path, route.public.as_ref(), verb, mistakes);
    let Route { path, public, access, retry, rate, .. } = route;
    Some(Op { name, docs, verb, path, public, access, retry, rate, status, status_span, cx, args, ok, error })
}

/// What stands in the parentheses of a route attribute.
struct Route {
    path: LitStr,
    public: Option<LitStr>,
    access: Option<Access>,
    retry: Option<(Span, Retry)>,
    rate: Option<(Span, Rate)>,
    status: Option<(Span, u16)>,
}

impl Parse for Route {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let path = path(input.parse().map_err(|e| syn::Error::new(e.span(), "start with the path: `\"/things/{id}\"`"))?)?;
        let mut route = Route { path, public: None, access: None, retry: None, rate: None, status: None };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "public" => route.public = Some(self::path(input.parse()?)?),
                "access" => route.access = Some(access(input)?),
                "retry" => route.retry = Some((key.span(), retry(input)?)),
                "rate" => route.rate = Some((key.span(), rate(&input.parse()?)?)),
                "status" => route.status = Some((key.span(), status(&input.parse()?)?)),
                _ => return Err(syn::Error::new(key.span(), "use one of the keys `public`, `access`, `retry`, `rate`, `status`")),
            }
        }
        Ok(route)
    }
}

fn path(path: LitStr) -> syn::Result<LitStr> {
    if path.value().starts_with('/') { Ok(path) } else { Err(syn::Error::new(path.span(), "start the path with `/`")) }
}

fn access(input: ParseStream) -> syn::Result<Access> {
    const FIX: &str = "write `access = anyone`, `user`, `role(admin)`, `role(customer)` or `module(name, ..)`";
    let word: Ident = input.parse().map_err(|e| syn::Error::new(e.span(), FIX))?;
    let wrong = |span| syn::Error::new(span, FIX);
    let inner = |input: ParseStream| -> syn::Result<Vec<Ident>> {
        let content;
        syn::parenthesized!(content in input);
        Ok(Punctuated::<Ident, Token![,]>::parse_terminated(&content)?.into_iter().collect())
    };
    match word.to_string().as_str() {
        "anyone" => Ok(Access::Anyone),
        "user" => Ok(Access::User),
        "role" => match inner(input)?.as_slice() {
            [role] if role == "admin" => Ok(Access::Role(quote!(Admin))),
            [role] if role == "customer" => Ok(Access::Role(quote!(Customer))),
            _ => Err(wrong(word.span())),
        },
        "module" => match inner(input)? {
            modules if modules.is_empty() => Err(wrong(word.span())),
            modules => Ok(Access::Modules(modules.iter().map(Ident::to_string).collect())),
        },
        _ => Err(wrong(word.span())),
    }
}

fn retry(input: ParseStream) -> syn::Result<Retry> {
    let word: Ident = input.parse()?;
    match word.to_string().as_str() {
        "key" => Ok(Retry::Key),
        "never" => Ok(Retry::Never),
        _ => Err(syn::Error::new(word.span(), "write `retry = key` or `retry = never`")),
    }
}

fn rate(text: &LitStr) -> syn::Result<Rate> {
    let value = text.value();
    let parsed = value.split_once('/').and_then(|(count, unit)| {
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => return None,
        };
        Some(Rate { count: count.parse().ok().filter(|count| *count >= 1)?, seconds })
    });
    parsed.ok_or_else(|| syn::Error::new(text.span(), "write the rate as `\"100/min\"`: a count from 1 and `s`, `min`, `hour` or `day`"))
}

fn status(number: &LitInt) -> syn::Result<u16> {
    match number.base10_parse() {
        Ok(status @ (200 | 201 | 202 | 204)) => Ok(status),
        _ => Err(syn::Error::new(number.span(), "use 200, 201, 202 or 204")),
    }
}

/// What a signature says.
struct Shape {
    cx: Type,
    /// After `cx`.
    params: Vec<(Ident, Type)>,
    ok: Type,
    error: Type,
}

fn signature(sig: &Signature, mistakes: &Mistakes) -> Option<Shape> {
    if sig.asyncness.is_none() {
        mistakes.add(sig.fn_token.span(), "write `async fn`: the operation may run in another process");
    }
    if let Some(generic) = sig.generics.params.first() {
        mistakes.add(generic.span(), "remove the generics: an operation takes and answers types that exist on the wire");
    }
    let mut inputs = sig.inputs.iter();
    let takes_self = matches!(inputs.next(), Some(FnArg::Receiver(r)) if r.reference.is_some() && r.mutability.is_none());
    let cx = match inputs.next() {
        Some(FnArg::Typed(arg)) if is_ctx(&arg.ty) => Some((*arg.ty).clone()),
        _ => None,
    };
    if !takes_self || cx.is_none() {
        mistakes.add(sig.ident.span(), "let the parameters begin with `&self, cx: &Ctx`");
    }
    let mut params = Vec::new();
    for input in inputs {
        let FnArg::Typed(arg) = input else { continue };
        match &*arg.pat {
            Pat::Ident(name) if plain(&arg.ty, mistakes) => params.push((name.ident.clone(), (*arg.ty).clone())),
            Pat::Ident(_) => {}
            other => mistakes.add(other.span(), "give the parameter a name: it is the one on the wire"),
        }
    }
    match answers(&sig.output) {
        Some((ok, error)) => Some(Shape { cx: cx?, params, ok, error }),
        None => {
            mistakes.add(sig.output.span(), "return `Result<T, E>` with both types written");
            None
        }
    }
}

fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn is_ctx(ty: &Type) -> bool {
    matches!(ty, Type::Reference(r) if r.mutability.is_none() && last_segment(&r.elem).is_some_and(|s| s.ident == "Ctx"))
}

fn plain(ty: &Type, mistakes: &Mistakes) -> bool {
    const EXTRACTORS: [&str; 8] = ["Json", "Query", "Path", "Form", "Data", "HttpRequest", "Bytes", "Payload"];
    let fix = match ty {
        Type::Reference(_) => "take an owned value: the argument may come over the network",
        Type::ImplTrait(_) | Type::TraitObject(_) => "take a named type: the argument must have one form on the wire",
        _ if last_segment(ty).is_some_and(|s| EXTRACTORS.iter().any(|name| s.ident == name)) => {
            "take the plain type, without an extractor around it: modules know no web framework"
        }
        _ => return true,
    };
    mistakes.add(ty.span(), fix);
    false
}

fn answers(output: &ReturnType) -> Option<(Type, Type)> {
    let ReturnType::Type(_, ty) = output else { return None };
    let segment = last_segment(ty).filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.iter().collect::<Vec<_>>().as_slice() {
        [GenericArgument::Type(ok), GenericArgument::Type(error)] => Some((ok.clone(), error.clone())),
        _ => None,
    }
}

fn args(params: Vec<(Ident, Type)>, path: &LitStr, public: Option<&LitStr>, verb: Verb, mistakes: &Mistakes) -> Vec<Arg> {
    let (own, public) = (path.value(), public.map(LitStr::value));
    let (in_path, in_public) = (names(&own), public.as_deref().map(names));
    for name in &in_path {
        if !params.iter().any(|(param, _)| param == name) {
            mistakes.add(path.span(), format!("add a parameter named `{name}`, or take `{{{name}}}` out of the path"));
        }
    }
    let mut payloads = 0;
    let roles = params.into_iter().map(|(name, ty)| {
        let text = name.to_string();
        let role = if in_path.contains(&text.as_str()) {
            let at_gateway = in_public.as_ref().is_none_or(|names| names.contains(&text.as_str()));
            if at_gateway { Role::Path } else { Role::Owner }
        } else {
            payloads += 1;
            if payloads > 1 {
                mistakes.add(
                    name.span(),
                    format!("put `{{{name}}}` into the path, or into the type of the other parameter: there is one query or body"),
                );
            }
            if verb.takes_body() { Role::Body } else { Role::Query }
        };
        Arg { name, ty, role }
    });
    roles.collect()
}

/// Whether two types are written in the same way.
pub(crate) fn same(a: &Type, b: &Type) -> bool {
    a.to_token_stream().to_string() == b.to_token_stream().to_string()
}
