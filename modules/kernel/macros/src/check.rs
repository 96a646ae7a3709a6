//! The rules that connect the parts of an operation with each other, and operations with each other.

use crate::{
    diagnose::Mistakes,
    model::{Access, Api, Arg, Key, Op, Retry, Returns, Role, Route, Template, Verb, is_named},
    parse::{self, Draft},
};
use quote::ToTokens;
use std::collections::HashMap;
use syn::{GenericArgument, Ident, ItemTrait, PathArguments, Type, ext::IdentExt};

/// `None` when there are mistakes, here or before.
pub(crate) fn api(module: Option<String>, item: ItemTrait, drafts: Vec<Draft>, mistakes: &Mistakes) -> Option<Api> {
    for (i, draft) in drafts.iter().enumerate() {
        if let Some(route) = &draft.route {
            access(route, mistakes);
            retry(route, mistakes);
            gateway(route, mistakes);
            paths(&drafts[..i], route, mistakes);
        }
        if let Some((route, shape)) = draft.route.as_ref().zip(draft.shape.as_ref()) {
            if let Some(params) = &shape.params {
                arguments(route, params, mistakes);
                condition(route, params, &drafts, mistakes);
                upload(route, params, mistakes);
            }
            if let Some(returns) = &shape.returns {
                status(route, returns, mistakes);
                download(route, returns, mistakes);
            }
        }
    }
    errors(&drafts, mistakes);
    if mistakes.any() {
        return None;
    }
    let mut types = Types::default();
    let ops = drafts.into_iter().map(|draft| op(draft, &mut types)).collect::<Option<_>>()?;
    Some(Api { module: module?, item, ops })
}

/// The types that occur, each as it stands where it first has its role: what is wrong with a type is then reported there, once.
#[derive(Default)]
struct Types(HashMap<(Option<Role>, String), Type>);

impl Types {
    /// `role` is that of an argument.
    fn first(&mut self, role: Option<Role>, ty: Type) -> Type {
        self.0.entry((role, ty.to_token_stream().to_string())).or_insert(ty).clone()
    }
}

/// Whole unless something was missing, which was reported.
fn op(draft: Draft, types: &mut Types) -> Option<Op> {
    let (route, shape) = draft.route.zip(draft.shape)?;
    let args = shape.params?.into_iter().map(|(name, ty)| {
        let role = route.role(&name.unraw().to_string(), &ty);
        Arg { name, ty: types.first(Some(role), ty), role }
    });
    let args = args.collect();
    let Returns { whole, ok, error } = shape.returns?;
    let returns = Returns { whole, ok: types.first(None, ok), error: types.first(None, error) };
    Some(Op { name: draft.name, docs: draft.docs, cx: shape.cx, args, returns, route })
}

fn access(route: &Route, mistakes: &Mistakes) {
    if matches!(route.access, Key::Missing) {
        mistakes.add(&route.at, format!("say who may call it: `access = {}`", parse::ACCESS));
    }
}

fn retry(route: &Route, mistakes: &Mistakes) {
    match (route.verb, &route.retry) {
        (Verb::Post, Key::Missing) => {
            mistakes.add(&route.at, "say `retry = key` (may be repeated with an idempotency key) or `retry = never`");
        }
        (Verb::Get | Verb::Put | Verb::Patch | Verb::Delete, Key::Is(key, _)) => {
            mistakes.add(key, "remove `retry`: GET, PUT, PATCH and DELETE can always be repeated");
        }
        _ => {}
    }
}

fn gateway(route: &Route, mistakes: &Mistakes) {
    match (&route.public, &route.rate) {
        (Key::Is(key, _), Key::Missing) => {
            mistakes.add(key, "say how often one caller may call it at the gateway: `rate = \"60/min\"`");
        }
        (Key::Missing, Key::Is(key, _)) => {
            mistakes.add(key, "remove `rate`, or add `public = \"/api/..\"`: limits apply at the gateway");
        }
        _ => {}
    }
    let Key::Is(key, public) = &route.public else { return };
    if matches!(route.access.value(), Some(Access::Modules(_))) {
        mistakes.add(
            key,
            "remove `public`, or let others than modules call it: the gateway does not serve what only modules may call",
        );
    }
    for name in public.params.iter().filter(|name| !route.path.has(name)) {
        mistakes.add(&public.text, format!("put `{{{name}}}` into the module's own path, too"));
    }
}

/// Every name in the path is a parameter, at most one of them is the caller, and at most one more parameter is the query or body.
fn arguments(route: &Route, params: &[(Ident, Type)], mistakes: &Mistakes) {
    let named = |name: &String| params.iter().any(|(param, _)| param.unraw() == name);
    for name in route.path.params.iter().filter(|name| !named(name)) {
        mistakes.add(&route.path.text, format!("add a parameter named `{name}`, or take `{{{name}}}` out of the path"));
    }
    let (mut payload, mut owner) = (false, false);
    for (param, ty) in params {
        match route.role(&param.unraw().to_string(), ty) {
            Role::Condition | Role::Upload => {}
            Role::Path if is_text(ty) => mistakes.add(
                ty,
                "use a type of its own that refuses \"\", \".\" and \"..\" when it is parsed: a path cannot carry them, and the operation may \
                 run in another process",
            ),
            Role::Path => {}
            Role::Owner => {
                let user = matches!(route.access.value(), Some(Access::User) | None);
                if owner || !user || !is_named(ty, "UserId") {
                    mistakes.add(
                        ty,
                        format!(
                            "put `{{{param}}}` into the public path, or make it the caller: one `UserId`, with `access = user`"
                        ),
                    );
                }
                owner = true;
            }
            Role::Query | Role::Body => {
                if payload {
                    mistakes.add(
                        param,
                        format!(
                            "put `{{{param}}}` into the path, or into the type of the other parameter: besides the path an operation \
                             has at most one parameter, its query or its body"
                        ),
                    );
                }
                payload = true;
            }
        }
    }
}

/// Whether any text is a value of it.
fn is_text(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_text(&reference.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let in_it = match &last.arguments {
                PathArguments::AngleBracketed(arguments) => arguments.args.iter().any(|argument| match argument {
                    GenericArgument::Type(ty) => is_text(ty),
                    _ => false,
                }),
                _ => false,
            };
            ["String", "str", "char"].iter().any(|text| last.ident == text) || in_it
        }),
        _ => false,
    }
}

/// At most one parameter is the condition, and of a write; what demands one names an operation that does without.
fn condition(route: &Route, params: &[(Ident, Type)], drafts: &[Draft], mistakes: &Mistakes) {
    let mut conditions = params.iter().filter(|(_, ty)| is_named(ty, "IfMatch"));
    let first = conditions.next();
    for (name, _) in conditions {
        mistakes.add(name, "remove it: an operation has one `IfMatch`");
    }
    if let (Some((_, ty)), Verb::Get) = (first, route.verb) {
        mistakes.add(ty, "remove it: a read changes nothing; its caller sends `If-None-Match`, and the server answers 304");
    }
    let Key::Is(key, other) = &route.unless else { return };
    if first.is_none() {
        mistakes.add(key, "add a parameter of the type `IfMatch`, or remove `unless`");
    }
    let takes_none = |draft: &&Draft| {
        let params = draft.shape.as_ref().and_then(|shape| shape.params.as_ref());
        let is_public = |route: &Route| route.public.value().is_some();
        draft.name == *other
            && draft.route.as_ref().is_none_or(|other| is_public(other) || !is_public(route))
            && params.is_none_or(|params| params.iter().all(|(_, ty)| !is_named(ty, "IfMatch")))
    };
    if drafts.iter().find(takes_none).is_none() {
        let which = if route.public.value().is_some() { "a public" } else { "an" };
        mistakes.add(
            other,
            format!("name {which} operation of this trait without `IfMatch`: the refusal of calls without one recommends it"),
        );
    }
}

/// A stream is the body of a POST that is not repeated: it is sent once.
fn upload(route: &Route, params: &[(Ident, Type)], mistakes: &Mistakes) {
    let mut uploads = params.iter().filter(|(_, ty)| is_named(ty, "Upload"));
    let first = uploads.next();
    for (name, _) in uploads {
        mistakes.add(name, "remove it: an operation has one `Upload`");
    }
    match (first, &route.upload) {
        (Some((_, ty)), Key::Missing) => {
            mistakes.add(ty, "say what the stream may be: `upload(\"image/png\", max = \"20 MB\")`");
        }
        (None, Key::Is(key, _)) => mistakes.add(key, "add a parameter of the type `Upload`, or remove `upload(..)`"),
        _ => {}
    }
    if let Some((_, ty)) = first
        && !(route.verb == Verb::Post && matches!(route.retry, Key::Is(_, Retry::Never) | Key::Wrong))
    {
        mistakes.add(ty, "make the operation a POST with `retry = never`: a stream is sent once");
    }
}

/// What is not JSON is read, and brings its own tag.
fn download(route: &Route, returns: &Returns, mistakes: &Mistakes) {
    let is_download = is_named(&returns.ok, "Download");
    match &route.download {
        Key::Missing if is_download => {
            mistakes.add(&returns.ok, "name the media types of the answer: `download(\"image/png\", ..)`");
        }
        Key::Is(key, _) if !is_download => mistakes.add(key, "answer a `Download`, or remove `download(..)`"),
        _ => {}
    }
    if !is_download {
        return;
    }
    if route.verb != Verb::Get {
        mistakes.add(&returns.ok, "make the operation a GET, or answer JSON: only what is read is a stream");
    }
    if let Key::Is(key, ()) = &route.etag {
        mistakes.add(key, "remove `etag`: a `Download` brings its own tag");
    }
    if let Key::Is(key, status) = &route.status
        && *status != 200
    {
        mistakes.add(key, "remove `status`: that of a `Download` is 200, or what its caller's headers ask for");
    }
}

fn status(route: &Route, returns: &Returns, mistakes: &Mistakes) {
    if let (Key::Is(key, ()), Type::Tuple(_)) = (&route.etag, &returns.ok) {
        mistakes.add(key, "remove `etag`: there is nothing to answer that could have a tag");
    }
    let nothing = matches!(&returns.ok, Type::Tuple(tuple) if tuple.elems.is_empty());
    match &route.status {
        Key::Is(_, 204) if !nothing => {
            mistakes.add(&returns.ok, "answer `()`, or remove `status = 204`: it means that there is no body");
        }
        Key::Is(key, status) if nothing && *status != 204 => mistakes.add(key, "say `status = 204`: there is nothing to answer"),
        Key::Missing if nothing => mistakes.add(&route.at, "add `status = 204`: there is nothing to answer"),
        _ => {}
    }
}

/// At one path of one host, a method has one operation, and the parameters have one set of names.
fn paths(earlier: &[Draft], route: &Route, mistakes: &Mistakes) {
    let earlier = || earlier.iter().filter_map(|draft| draft.route.as_ref().map(|route| (&draft.name, route)));
    let own = earlier().map(|(name, other)| (name, other.verb, &other.path));
    path(own, route.verb, &route.path, mistakes);
    if let Some(public) = route.public.value() {
        let publics = earlier().filter_map(|(name, other)| Some((name, other.verb, other.public.value()?)));
        path(publics, route.verb, public, mistakes);
    }
}

fn path<'a>(others: impl Iterator<Item = (&'a Ident, Verb, &'a Template)>, verb: Verb, path: &Template, mistakes: &Mistakes) {
    for (name, other_verb, other) in others.filter(|(.., other)| other.shape() == path.shape()) {
        let text = other.text.value();
        if path.text.value() != text {
            return mistakes
                .add(&path.text, format!("write it as `{text}`, as `{name}` does: one path has one set of parameter names"));
        }
        if verb == other_verb {
            let method = verb.text().to_uppercase();
            return mistakes
                .add(&path.text, format!("choose another path or method: `{method} {text}` is the operation `{name}` already"));
        }
    }
}

/// All operations fail with the same type.
fn errors(drafts: &[Draft], mistakes: &Mistakes) {
    let written = drafts.iter().filter_map(|draft| draft.shape.as_ref()?.returns.as_ref());
    let mut written = written.map(|returns| (&returns.error, returns.error.to_token_stream().to_string()));
    let Some((_, first)) = written.next() else { return };
    for (error, _) in written.filter(|(_, text)| *text != first) {
        mistakes.add(error, format!("fail with `{first}`, as the other operations of this trait do"));
    }
}
