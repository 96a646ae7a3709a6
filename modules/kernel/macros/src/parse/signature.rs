//! Reads the signature of an operation.

use crate::{diagnose::Mistakes, model::Returns};
use proc_macro2::Span;
use syn::{
    FnArg, GenericArgument, Ident, Pat, PatType, PathArguments, PathSegment, ReturnType, Signature, Type, TypeImplTrait,
    TypePath, TypeReference, TypeTraitObject,
    visit::{self, Visit},
};

/// What a signature says. Parts that could not be read are missing, and were reported.
pub(crate) struct Shape {
    /// The name of the context.
    pub(crate) cx: Ident,
    /// The parameters after the context; none when one of them could not be read.
    pub(crate) params: Option<Vec<(Ident, Type)>>,
    pub(crate) returns: Option<Returns>,
}

/// `None` when the parameters do not even begin as they should.
pub(super) fn read(sig: &Signature, mistakes: &Mistakes) -> Option<Shape> {
    if sig.asyncness.is_none() {
        mistakes.add(sig.fn_token, "write `async fn`: the operation may run in another process");
    }
    if !sig.generics.params.is_empty() {
        mistakes.add(&sig.generics, "remove the generics: an operation takes and answers types that exist on the wire");
    }
    let returns = returns(&sig.output);
    match &returns {
        None if matches!(sig.output, ReturnType::Default) => mistakes.add(&sig.ident, RESULT),
        None => mistakes.add(&sig.output, RESULT),
        Some(returns) => plain(&returns.ok, mistakes),
    }
    let mut inputs = sig.inputs.iter();
    let Some((FnArg::Receiver(receiver), FnArg::Typed(context))) = inputs.next().zip(inputs.next()) else {
        mistakes.add(&sig.ident, BEGIN);
        return None;
    };
    let by_reference = receiver.reference.as_ref().is_some_and(|(_, lifetime)| lifetime.is_none());
    if !by_reference || receiver.mutability.is_some() || !is_context(&context.ty) {
        mistakes.add(&sig.inputs, BEGIN);
        return None;
    }
    let cx = match &*context.pat {
        Pat::Ident(name) => name.ident.clone(),
        _ => Ident::new("cx", Span::call_site()),
    };
    // all of them, so that all their mistakes are reported
    let params: Vec<_> = inputs.map(|input| param(input, mistakes)).collect();
    Some(Shape { cx, params: params.into_iter().collect(), returns })
}

const BEGIN: &str = "let the parameters begin with `&self, cx: &Ctx`";
const RESULT: &str = "return `Result<T, E>` with both types written";

fn param(input: &FnArg, mistakes: &Mistakes) -> Option<(Ident, Type)> {
    let FnArg::Typed(PatType { pat, ty, .. }) = input else { return None };
    plain(ty, mistakes);
    match &**pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none() => {
            Some((name.ident.clone(), (**ty).clone()))
        }
        other => {
            mistakes.add(other, "write a plain name instead of a pattern: it is the name on the wire");
            None
        }
    }
}

fn is_context(ty: &Type) -> bool {
    let is_ctx = |ty: &Type| last_segment(ty).is_some_and(|segment| segment.ident == "Ctx");
    matches!(ty, Type::Reference(r) if r.mutability.is_none() && is_ctx(&r.elem))
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn returns(output: &ReturnType) -> Option<Returns> {
    let ReturnType::Type(_, whole) = output else { return None };
    let segment = last_segment(whole).filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(GenericArgument::Type(ok)), Some(GenericArgument::Type(error)), None) => {
            Some(Returns { whole: (**whole).clone(), ok: ok.clone(), error: error.clone() })
        }
        _ => None,
    }
}

/// That the type is owned and has one form on the wire, and so has everything in it.
fn plain(ty: &Type, mistakes: &Mistakes) {
    Plain(mistakes).visit_type(ty);
}

struct Plain<'a>(&'a Mistakes);

impl Visit<'_> for Plain<'_> {
    fn visit_type_reference(&mut self, ty: &TypeReference) {
        self.0.add(ty, "use an owned type: the value may come over the network");
    }

    fn visit_type_impl_trait(&mut self, ty: &TypeImplTrait) {
        self.0.add(ty, "name the type: the value has one form on the wire");
    }

    fn visit_type_trait_object(&mut self, ty: &TypeTraitObject) {
        self.0.add(ty, "name the type: the value has one form on the wire");
    }

    fn visit_type_path(&mut self, ty: &TypePath) {
        const EXTRACTORS: [&str; 8] = ["Json", "Query", "Path", "Form", "Data", "HttpRequest", "Bytes", "Payload"];
        if ty.path.segments.last().is_some_and(|last| EXTRACTORS.iter().any(|name| last.ident == name)) {
            self.0.add(ty, "use the plain type, without an extractor: operations know no web framework");
        } else {
            visit::visit_type_path(self, ty);
        }
    }
}
