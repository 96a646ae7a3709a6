//! What is known of an annotated trait once it has been read and checked.

use crate::rate::Rate;
use proc_macro2::Span;
use quote::format_ident;
use std::time::Duration;
use syn::{Attribute, Ident, ItemTrait, LitStr, Type, ext::IdentExt};

/// An annotated trait.
pub(crate) struct Api {
    pub(crate) module: String,
    /// The trait as it is written, without the route attributes.
    pub(crate) item: ItemTrait,
    pub(crate) ops: Vec<Op>,
}

/// A method of the trait.
pub(crate) struct Op {
    pub(crate) name: Ident,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) route: Route,
    /// The name of the context.
    pub(crate) cx: Ident,
    pub(crate) args: Vec<Arg>,
    pub(crate) returns: Returns,
}

/// A route attribute.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// The attribute's name, where mistakes about what is missing are shown.
    pub(crate) at: Ident,
    pub(crate) path: Template,
    pub(crate) public: Key<Template>,
    pub(crate) access: Key<Access>,
    pub(crate) retry: Key<Retry>,
    /// The word is there.
    pub(crate) etag: Key<()>,
    /// The word is there.
    pub(crate) localized: Key<()>,
    /// The operation of the trait that does without the condition which this one demands.
    pub(crate) unless: Key<Ident>,
    /// What the stream of its body may be.
    pub(crate) upload: Key<Accepts>,
    /// The media types of its answer, if that is no JSON.
    pub(crate) download: Key<Vec<LitStr>>,
    pub(crate) within: Key<Duration>,
    pub(crate) rate: Key<Rate>,
    pub(crate) status: Key<u16>,
    /// Where at the gateway what was made is found, with members of the answer.
    pub(crate) location: Key<Template>,
    /// Variants of the error enum.
    pub(crate) errors: Key<Vec<Ident>>,
}

/// What an attribute says about one key.
pub(crate) enum Key<T> {
    /// Nothing.
    Missing,
    /// Something that was reported as a mistake: nothing may be concluded from it.
    Wrong,
    /// This, under that name.
    Is(Ident, T),
}

/// A path with its parameters.
pub(crate) struct Template {
    pub(crate) text: LitStr,
    pub(crate) params: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

pub(crate) enum Access {
    Anyone,
    User,
    /// With the variant of `kernel::Role`.
    Role(Ident),
    Modules(Vec<String>),
}

#[derive(Clone, Copy)]
pub(crate) enum Retry {
    Key,
    Never,
}

/// The media types and the largest number of bytes of a stream.
pub(crate) struct Accepts {
    pub(crate) media_types: Vec<LitStr>,
    pub(crate) max: u64,
}

/// A parameter after the context.
pub(crate) struct Arg {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// Where the value of a parameter comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// Both paths.
    Path,
    /// The module's own path only: at the gateway it is the caller.
    Owner,
    Query,
    Body,
    /// The header `If-Match`.
    Condition,
    /// The body, as a stream.
    Upload,
}

/// `Result<ok, error>`.
pub(crate) struct Returns {
    pub(crate) whole: Type,
    pub(crate) ok: Type,
    pub(crate) error: Type,
}

/// The names that are made from the trait's.
pub(crate) struct Names {
    pub(crate) client: Ident,
    pub(crate) erased: Ident,
    pub(crate) remote: Ident,
}

impl Api {
    pub(crate) fn names(&self) -> Names {
        let name = self.item.ident.to_string();
        let base = name.strip_suffix("Api").unwrap_or(&name);
        Names {
            client: format_ident!("{base}Client"),
            erased: format_ident!("Erased{base}Api"),
            remote: format_ident!("{base}Remote"),
        }
    }
}

impl Op {
    /// The name on the wire and in the logs.
    pub(crate) fn text(&self) -> String {
        self.name.unraw().to_string()
    }

    /// The status of success.
    pub(crate) fn status(&self) -> u16 {
        self.route.status.value().copied().unwrap_or(200)
    }

    /// Whether the answer has an entity tag.
    pub(crate) fn is_tagged(&self) -> bool {
        self.route.etag.value().is_some()
    }

    /// Whether the answer is not JSON.
    pub(crate) fn is_download(&self) -> bool {
        is_named(&self.returns.ok, "Download")
    }

    pub(crate) fn arg(&self, role: Role) -> Option<&Arg> {
        self.args.iter().find(|arg| arg.role == role)
    }
}

impl Arg {
    /// The name on the wire.
    pub(crate) fn text(&self) -> String {
        self.name.unraw().to_string()
    }
}

impl Route {
    /// Where the value of the parameter with this name comes from.
    pub(crate) fn role(&self, name: &str, ty: &Type) -> Role {
        match (self.path.has(name), self.public.value()) {
            _ if is_named(ty, "IfMatch") => Role::Condition,
            _ if is_named(ty, "Upload") => Role::Upload,
            (true, Some(public)) if !public.has(name) => Role::Owner,
            (true, _) => Role::Path,
            // the body of an operation with a stream is the stream
            (false, _) if self.verb.takes_body() && matches!(self.upload, Key::Missing) => Role::Body,
            (false, _) => Role::Query,
        }
    }
}

/// Whether the last part of the type's path is this name.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

impl<T> Key<T> {
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Key::Is(_, value) => Some(value),
            Key::Missing | Key::Wrong => None,
        }
    }
}

impl Template {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.params.iter().any(|param| param == name)
    }

    /// The path without the names of its parameters: what tells it from other paths.
    pub(crate) fn shape(&self) -> String {
        let hide = |path: String, name: &String| path.replace(&format!("{{{name}}}"), "{}");
        self.params.iter().fold(self.text.value(), hide)
    }
}

impl Verb {
    const ALL: [(&'static str, Verb); 5] =
        [("get", Verb::Get), ("post", Verb::Post), ("put", Verb::Put), ("patch", Verb::Patch), ("delete", Verb::Delete)];

    /// The verb with the name of this attribute.
    pub(crate) fn of(attribute: &Attribute) -> Option<Verb> {
        Self::ALL.iter().find(|(name, _)| attribute.path().is_ident(name)).map(|(_, verb)| *verb)
    }

    /// The name of the attribute.
    pub(crate) fn text(self) -> &'static str {
        Self::ALL.iter().find(|(_, verb)| *verb == self).map_or("", |(name, _)| name)
    }

    /// The variant of `kernel::Method`.
    pub(crate) fn variant(self) -> Ident {
        let name = match self {
            Verb::Get => "Get",
            Verb::Post => "Post",
            Verb::Put => "Put",
            Verb::Patch => "Patch",
            Verb::Delete => "Delete",
        };
        Ident::new(name, Span::call_site())
    }

    fn takes_body(self) -> bool {
        matches!(self, Verb::Post | Verb::Put | Verb::Patch)
    }
}
