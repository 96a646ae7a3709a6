//! OpenAPI 3.1: what the macro cannot know from the signatures, and the step from a module's own paths to the gateway's.

use crate::{Access, ApiError, Code, Method, Op, Problem, ProblemKind};
use std::collections::BTreeMap;
use utoipa::{
    IntoParams,
    openapi::{
        Content, ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::SecurityRequirement,
    },
};

/// Name of the security scheme of logged-in users.
pub const BEARER: &str = "bearer";

/// The parameters of a query type.
pub fn query<T: IntoParams>() -> Vec<Parameter> {
    T::into_params(|| Some(ParameterIn::Query))
}

/// Adds to the generated document what `ops` say: parameters of the query, idempotency key, security and problems.
pub fn finish<E: ApiError>(mut api: OpenApi, ops: &[Op], queries: &[(usize, fn() -> Vec<Parameter>)]) -> OpenApi {
    for (index, op) in ops.iter().enumerate() {
        let Some(operation) = api.paths.paths.get_mut(op.path).and_then(|item| slot(item, op.method).as_mut()) else {
            continue;
        };
        let parameters = operation.parameters.get_or_insert_default();
        for (_, query) in queries.iter().filter(|(i, _)| *i == index) {
            parameters.extend(query().into_iter().map(RefOr::T));
        }
        if op.retry == crate::Retry::Key {
            parameters.push(RefOr::T(idempotency_key()));
        }
        if matches!(op.access, Access::User | Access::Role(_)) {
            operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        }
        for (status, description) in problems(op, E::KINDS, operation.request_body.is_some()) {
            let code = Code::of_status(status);
            let name = E::KINDS.iter().find(|kind| kind.code == code).map_or(code.name(), |kind| kind.name);
            let example = serde_json::to_value(Problem::new(code, name, code.title(), None)).ok();
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).example(example).build();
            let response = ResponseBuilder::new().description(description).content(Problem::MEDIA_TYPE, content);
            operation.responses.responses.insert(status.to_string(), response.build().into());
        }
    }
    api
}

/// The operations that the gateway serves, at the paths where it serves them.
pub fn public(mut api: OpenApi, ops: &[Op]) -> OpenApi {
    let mut own = std::mem::take(&mut api.paths.paths);
    for op in ops {
        let Some(public) = op.public else { continue };
        let Some(mut operation) = own.get_mut(op.path).and_then(|item| slot(item, op.method).take()) else { continue };
        if let Some(parameters) = &mut operation.parameters {
            // a parameter that the public path lacks is filled from the caller
            parameters.retain(|p| match p {
                RefOr::T(p) => p.parameter_in != ParameterIn::Path || public.contains(&format!("{{{}}}", p.name)),
                RefOr::Ref(_) => true,
            });
        }
        *slot(api.paths.paths.entry(public.into()).or_default(), op.method) = Some(operation);
    }
    api
}

fn slot(item: &mut PathItem, method: Method) -> &mut Option<Operation> {
    match method {
        Method::Get => &mut item.get,
        Method::Post => &mut item.post,
        Method::Put => &mut item.put,
        Method::Delete => &mut item.delete,
    }
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "At most 255 characters. A call that is repeated with the same key and body has one effect, and answers the first \
             call's reply with `Idempotent-Replayed: true`. The same key with another body is refused with 422.",
        ))
        .schema(Some(utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String)))
        .build()
}

/// The statuses that an operation can answer, with what they mean for it.
fn problems(op: &Op, kinds: &[ProblemKind], has_body: bool) -> BTreeMap<u16, String> {
    let mut found: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    let mut add = |code: Code, text: String| found.entry(code.status()).or_default().push(text);
    add(Code::InvalidArgument, "The request is not what the operation takes; `errors` says which field.".into());
    if op.access == Access::Anyone {
        add(Code::Unauthenticated, "A token was sent that is not valid.".into());
    } else {
        add(Code::Unauthenticated, "Nobody is logged in, or the token is not valid.".into());
    }
    if matches!(op.access, Access::Role(_) | Access::Modules(_)) {
        add(Code::PermissionDenied, "The caller may not do this.".into());
    }
    if has_body {
        add(Code::PayloadTooLarge, "The body is too large.".into());
        add(Code::UnsupportedMediaType, "The body is not `application/json`.".into());
    }
    if op.retry == crate::Retry::Key {
        add(Code::Unprocessable, "The idempotency key was used for another request.".into());
    }
    if op.public.is_some() {
        add(Code::TooManyRequests, "Too many calls; see `Retry-After`.".into());
    }
    add(Code::Unavailable, "Something that is needed cannot be reached now; see `Retry-After`.".into());
    add(Code::DeadlineExceeded, "It took too long. It may have run.".into());
    add(Code::Internal, "A bug. Quote `trace_id` to support.".into());
    for kind in kinds {
        add(kind.code, format!("`{}`: {}", kind.name, kind.doc.trim()));
    }
    found.into_iter().map(|(status, texts)| (status, texts.join("\n\n"))).collect()
}

/// JSON content of a schema, for routes that are written by hand.
pub fn json(schema: &str) -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build()
}
