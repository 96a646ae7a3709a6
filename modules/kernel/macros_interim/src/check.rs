//! The rules that connect the attributes of an operation with each other, and operations with each other.

use crate::{
    diagnose::Mistakes,
    parse::{Access, Api, Op, Role, Verb, names, same},
};
use syn::{Type, spanned::Spanned};

pub(crate) fn api(api: &Api, mistakes: &Mistakes) {
    for (i, op) in api.ops.iter().enumerate() {
        access(op, mistakes);
        retry(op, mistakes);
        gateway(op, mistakes);
        status(op, mistakes);
        for earlier in &api.ops[..i] {
            paths(earlier, op, mistakes);
        }
        if let Some(first) = api.ops.first().filter(|first| !same(&first.error, &op.error)) {
            let error = &first.error;
            let error = quote::quote!(#error);
            mistakes.add(op.error.span(), format!("fail with `{error}`, as the other operations of this trait do"));
        }
    }
}

fn access(op: &Op, mistakes: &Mistakes) {
    if op.access.is_none() {
        mistakes.add(
            op.path.span(),
            "say who may call it: `access = anyone`, `user`, `role(admin)`, `role(customer)` or `module(name, ..)`",
        );
    }
    for arg in op.args.iter().filter(|arg| arg.role == Role::Owner) {
        let is_user_id = matches!(&arg.ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "UserId"));
        if !(is_user_id && matches!(op.access, Some(Access::User))) {
            mistakes.add(
                arg.ty.span(),
                format!("put `{{{}}}` into the public path, or make it a `UserId` with `access = user`: it is then the caller", arg.name),
            );
        }
    }
}

fn retry(op: &Op, mistakes: &Mistakes) {
    match (op.verb, &op.retry) {
        (Verb::Post, None) => {
            mistakes.add(op.path.span(), "say `retry = key` (may be repeated with an idempotency key) or `retry = never`");
        }
        (Verb::Post, Some(_)) | (_, None) => {}
        (_, Some((at, _))) => mistakes.add(*at, "remove `retry`: GET, PUT and DELETE can always be repeated"),
    }
}

fn gateway(op: &Op, mistakes: &Mistakes) {
    match (&op.public, &op.rate) {
        (Some(public), None) => mistakes.add(public.span(), "say how often one caller may call it: `rate = \"60/min\"`"),
        (None, Some((at, _))) => mistakes.add(*at, "remove `rate`, or add `public = \"/api/..\"`: limits apply at the gateway"),
        _ => {}
    }
    let Some(public) = &op.public else { return };
    if op.is_internal() {
        mistakes.add(public.span(), "remove `public`: what only modules may call is not served by the gateway");
    }
    for name in names(&public.value()) {
        if !names(&op.path.value()).contains(&name) {
            mistakes.add(public.span(), format!("put `{{{name}}}` into the module's own path, too"));
        }
    }
}

fn status(op: &Op, mistakes: &Mistakes) {
    let answers_nothing = matches!(&op.ok, Type::Tuple(tuple) if tuple.elems.is_empty());
    match (op.status, answers_nothing) {
        (204, false) => mistakes.add(op.ok.span(), "answer `()`, or remove `status = 204`: it means that there is no body"),
        (204, true) | (_, false) => {}
        (_, true) => mistakes.add(op.status_span, "add `status = 204`: there is nothing to answer"),
    }
}

fn paths(earlier: &Op, op: &Op, mistakes: &Mistakes) {
    let (a, b) = (earlier.path.value(), op.path.value());
    if a == b {
        if earlier.verb == op.verb {
            let verb = op.verb.name();
            mistakes.add(op.path.span(), format!("choose another path: `{}` has `{verb}` on this one", earlier.name));
        }
        return;
    }
    let shape = |path: &str| names(path).iter().fold(path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), "{}"));
    if shape(&a) == shape(&b) {
        mistakes.add(op.path.span(), format!("write it as `{a}`: one path has one set of parameter names"));
    }
}
