//! OpenAPI 3.1: additions that the macro cannot derive from the signatures, and the step from a module's own paths to the
//! gateway's.

mod problems;

pub use crate::error::Details;

use crate::{Accepts, Access, ApiError, Condition, Method, Op, declared::At, text};
use utoipa::{
    IntoParams,
    openapi::{
        Components, Content, ContentBuilder, OpenApi, PathItem, Ref, RefOr, Required, Schema,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBody,
        schema::{SchemaFormat, SchemaType, Type},
        security::SecurityRequirement,
    },
};

/// Name of the security scheme of logged-in users.
pub const BEARER: &str = "bearer";

/// The parameters of a query type. None of them is ever null: a URL has no null.
pub fn query<T: IntoParams>() -> Vec<Parameter> {
    let mut parameters = T::into_params(|| Some(ParameterIn::Query));
    for parameter in &mut parameters {
        parameter.schema = parameter.schema.take().map(not_null);
        parameter.schema.iter_mut().for_each(add_pattern);
    }
    parameters
}

fn not_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    let null = SchemaType::Type(Type::Null);
    let is_null = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == null);
    match schema {
        RefOr::T(Schema::OneOf(mut one_of)) => {
            one_of.items.retain(|item| !is_null(item));
            if one_of.items.len() == 1 { one_of.items.remove(0) } else { RefOr::T(Schema::OneOf(one_of)) }
        }
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|kind| *kind != Type::Null);
                if let [one] = &types[..] {
                    object.schema_type = SchemaType::Type(one.clone());
                }
            }
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

/// Adds the facts in `ops` to the generated document: parameters of the query, idempotency key, security and problems.
pub fn finish<E: ApiError>(mut api: OpenApi, ops: &[Op], queries: &[(usize, fn() -> Vec<Parameter>)]) -> OpenApi {
    for (index, op) in ops.iter().enumerate() {
        let Some(operation) = api.paths.paths.get_mut(op.path).and_then(|item| slot(item, op.method).as_mut()) else {
            continue;
        };
        let parameters = operation.parameters.get_or_insert_default();
        for (_, query) in queries.iter().filter(|(i, _)| *i == index) {
            parameters.extend(query().into_iter().map(RefOr::T));
        }
        if op.method == Method::Post
            && let Some(RefOr::T(body)) = &mut operation.request_body
            && !required_members(api.components.as_ref(), body)
        {
            body.required = Some(Required::False);
        }
        if op.method == Method::Patch
            && let Some(RefOr::T(body)) = &mut operation.request_body
            && let Some(patch) = body.content.get("application/json").cloned()
        {
            body.content.insert("application/merge-patch+json".into(), patch);
        }
        if let Some(accepts) = &op.upload {
            operation.request_body = Some(RefOr::T(stream(accepts)));
        }
        if op.retry == crate::Retry::Key {
            parameters.push(RefOr::T(idempotency_key()));
        }
        match op.condition {
            Condition::None if (op.etag || !op.download.is_empty()) && op.is_read() => {
                parameters.push(RefOr::T(tags("If-None-Match", IF_NONE_MATCH, false)))
            }
            Condition::None => {}
            Condition::Optional => parameters.push(RefOr::T(tags("If-Match", IF_MATCH, false))),
            Condition::Demanded { .. } => parameters.push(RefOr::T(tags("If-Match", IF_MATCH, true))),
        }
        if matches!(op.access, Access::User | Access::Role(_)) {
            operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        }
        problems::respond(operation, op, At::Module);
    }
    let components = api.components.get_or_insert_default();
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::Object(object)) = schema {
            object.properties.values_mut().for_each(add_pattern);
        }
    }
    problems::add_schemas(components, ops, |_| At::Module, &E::details());
    api
}

/// Puts the pattern of its characters into the place of `format = "line"` or `format = "text"`, which fields of the types
/// [`text::Line`] and [`text::Text`] have.
fn add_pattern(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    let pattern = match &object.format {
        Some(SchemaFormat::Custom(format)) if format == "line" => text::LINE_PATTERN,
        Some(SchemaFormat::Custom(format)) if format == "text" => text::TEXT_PATTERN,
        _ => return,
    };
    object.format = None;
    object.pattern = Some(pattern.into());
}

/// Whether a body must have some member. Where it need not, POST does without a body.
fn required_members(components: Option<&Components>, body: &RequestBody) -> bool {
    let is_optional = |schema: &RefOr<Schema>| match schema {
        RefOr::Ref(r) => {
            let name = r.ref_location.rsplit('/').next().unwrap_or_default();
            let schema = components.and_then(|components| components.schemas.get(name));
            matches!(schema, Some(RefOr::T(Schema::Object(object))) if object.required.is_empty())
        }
        RefOr::T(schema) => matches!(schema, Schema::Object(object) if object.required.is_empty()),
    };
    !body.content.values().all(|content| match content {
        RefOr::T(content) => content.schema.as_ref().is_some_and(is_optional),
        RefOr::Ref(_) => false,
    })
}

/// The operations that the gateway serves, at the paths where it serves them, as clients see them. `takes_tokens` says whether
/// the gateway refuses access tokens that are not valid for an operation.
pub fn public(mut api: OpenApi, ops: &[Op], takes_tokens: impl Fn(&Op) -> bool) -> OpenApi {
    let at = |op: &Op| At::Gateway { takes_tokens: takes_tokens(op) };
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
        problems::respond(&mut operation, op, at(op));
        *slot(api.paths.paths.entry(public.into()).or_default(), op.method) = Some(operation);
    }
    problems::add_schemas(api.components.get_or_insert_default(), ops, at, &[]);
    api
}

fn slot(item: &mut PathItem, method: Method) -> &mut Option<Operation> {
    match method {
        Method::Get => &mut item.get,
        Method::Post => &mut item.post,
        Method::Put => &mut item.put,
        Method::Patch => &mut item.patch,
        Method::Delete => &mut item.delete,
    }
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 255 printable ASCII characters. A call that is repeated with the same key and body has one effect, and answers the first \
             call's reply with `Idempotent-Replayed: true`. The same key with another body is refused with 422.",
        ))
        .schema(Some(
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]([ -~]*[!-~])?$")),
        ))
        .build()
}

const IF_MATCH: &str = "\
`*`, or ETags separated by commas, at most 100. Unless the thing has one of them now, nothing is changed, and the answer is 412. Without \
it the change is made whatever others have changed meanwhile.";
const IF_NONE_MATCH: &str = "\
`*`, or the ETags of earlier answers separated by commas, at most 100. If the answer would have one of them, it is 304, without a body.";

/// A body that is a stream of bytes.
fn stream(accepts: &Accepts) -> RequestBody {
    let mut body = RequestBody::new();
    for media_type in accepts.media_types {
        body.content.insert((*media_type).into(), problems::bytes().into());
    }
    body.description = Some(format!("At most {} bytes.", accepts.max));
    body.required = Some(Required::True);
    body
}

/// A header with entity tags.
fn tags(name: &str, description: &str, is_required: bool) -> Parameter {
    let tag = r#"(W/)?"[!#-~]*""#;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::Type::String)
                .pattern(Some(format!(r"^(\*|{tag}( *, *{tag}){{0,99}})$")))
                .examples(["\"3-9f86d081884c7d65\""]),
        ))
        .build()
}

/// JSON content of a schema, for routes that are written by hand.
pub fn json(schema: &str) -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build()
}
