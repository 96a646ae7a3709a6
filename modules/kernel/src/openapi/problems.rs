//! The responses with which operations fail: for each status the kinds of problems, each with its code and the schema of its
//! details.

use super::streams;
use crate::{Code, Op, Problem, ProblemKind, Retry, declared::At, error::Details};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::{
    AllOfBuilder, Components, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Response,
    ResponseBuilder, Schema, Type, path::Operation, schema::Discriminator,
};

/// Beside an answer that is the stored one of an earlier call.
const REPLAYED: &str = "Idempotent-Replayed";

/// Replaces the failure responses of the operation by the declared ones.
pub(super) fn respond(operation: &mut Operation, op: &Op, at: At) {
    let responses = &mut operation.responses.responses;
    responses.retain(|status, _| status.starts_with('2'));
    if op.etag {
        for response in responses.values_mut() {
            if let RefOr::T(response) = response {
                response.headers.insert("ETag".into(), tag("The tag of the answer, for `If-None-Match` and `If-Match`.").into());
            }
        }
    }
    if op.location.is_some() {
        for response in responses.values_mut() {
            if let RefOr::T(response) = response {
                response.headers.insert("Location".into(), header_of(Type::String, "The path of what was made.").into());
            }
        }
    }
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    for kind in op.problems(at) {
        by_status.entry(kind.code.status()).or_default().push(kind);
    }
    for (status, kinds) in by_status {
        responses.insert(status.to_string(), response(op, Code::of_status(status), &kinds).into());
    }
    if !op.download.is_empty() {
        streamed(responses, op);
    }
    if (op.etag || !op.download.is_empty()) && op.is_read() {
        let unchanged = ResponseBuilder::new().description("The caller has it already: see `If-None-Match`.");
        responses.insert("304".into(), unchanged.header("ETag", tag("The tag of the answer.")).build().into());
    }
    if op.localized {
        for response in responses.iter_mut().filter(|(status, _)| status.as_str() < "4").map(|(_, response)| response) {
            if let RefOr::T(response) = response {
                response.headers.insert("Vary".into(), header_of(Type::String, "`Accept-Language`.").into());
            }
        }
    }
    if op.retry == Retry::Key {
        for response in responses.iter_mut().filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response) {
            if let RefOr::T(response) = response {
                response.headers.insert(REPLAYED.into(), replayed().into());
            }
        }
    }
}

/// Describes an answer that is not JSON: the whole of it, a part of it, and no part of it.
fn streamed(responses: &mut BTreeMap<String, RefOr<Response>>, op: &Op) {
    let answer = |description: &str| {
        let response = ResponseBuilder::new().description(description);
        let response =
            op.download.iter().fold(response, |response, media_type| response.content(*media_type, streams::content()));
        response.header("ETag", tag("The tag of the answer, for `If-None-Match` and `If-Range`."))
    };
    responses.insert(op.status.to_string(), answer("Success").build().into());
    let range = header_of(Type::String, "Which bytes, and of how many.");
    responses.insert("206".into(), answer("The bytes that `Range` asks for.").header("Content-Range", range).build().into());
}

/// Adds the schemas of the problems that `ops` answer there, unless they exist already.
pub(super) fn add_schemas(components: &mut Components, ops: &[Op], at: impl Fn(&Op) -> At, details: &[Details]) {
    for kind in ops.iter().flat_map(|op| op.problems(at(op))) {
        let details = details.iter().find(|details| details.name == kind.name);
        components.schemas.extend(details.iter().flat_map(|details| details.others.clone()));
        components.schemas.entry(schema_name(kind.name)).or_insert_with(|| schema(&kind, details).into());
    }
}

fn response(op: &Op, code: Code, kinds: &[ProblemKind]) -> Response {
    let texts: Vec<_> = kinds.iter().map(|kind| format!("`{}`: {}", kind.name, kind.doc.trim())).collect();
    let content = ContentBuilder::new().schema(Some(one_of(kinds))).build();
    let mut response = ResponseBuilder::new().description(texts.join("\n\n")).content(Problem::MEDIA_TYPE, content);
    let may_wait = matches!(code, Code::TooManyRequests | Code::Unavailable | Code::DeadlineExceeded);
    if may_wait || kinds.iter().any(|kind| kind.name == Code::Conflict.name()) {
        response = response.header("Retry-After", header_of(Type::Integer, "After how many seconds trying again is sensible."));
    }
    if code == Code::PreconditionFailed {
        response = response.header("ETag", tag("The current tag."));
    }
    if code == Code::RangeNotSatisfiable {
        response = response.header("Content-Range", header_of(Type::String, "How many bytes there are."));
    }
    if code == Code::Unauthenticated {
        response = response.header("WWW-Authenticate", header_of(Type::String, "`Bearer`."));
    }
    if op.retry == Retry::Key && kinds.iter().any(|kind| op.errors.contains(kind)) {
        response = response.header(REPLAYED, replayed());
    }
    response.build()
}

/// One of these problems, told apart by `code`.
fn one_of(kinds: &[ProblemKind]) -> RefOr<Schema> {
    let reference = |kind: &ProblemKind| Ref::from_schema_name(schema_name(kind.name));
    if let [one] = kinds {
        return reference(one).into();
    }
    let mapping = kinds.iter().map(|kind| (kind.name, reference(kind).ref_location));
    let one_of = kinds.iter().fold(OneOfBuilder::new(), |one_of, kind| one_of.item(reference(kind)));
    one_of.discriminator(Some(Discriminator::with_mapping("code", mapping))).into()
}

/// `order.out_of_stock` is `OrderOutOfStockProblem`.
fn schema_name(name: &str) -> String {
    let capital = |word: &str| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>();
    name.split(['.', '_']).map(capital).collect::<String>() + "Problem"
}

/// The problem document, with the members that all problems of this kind share.
fn schema(kind: &ProblemKind, details: Option<&Details>) -> Schema {
    let problem = Problem::new(kind.code, kind.name, kind.code.title(), None);
    let fixed = |of: Type, value: Value| ObjectBuilder::new().schema_type(of).enum_values(Some([value]));
    let text = |example: &str| ObjectBuilder::new().schema_type(Type::String).examples([json!(example)]);
    let mut members = ObjectBuilder::new()
        .property("type", fixed(Type::String, json!(problem.kind)))
        .property("title", fixed(Type::String, json!(problem.title)))
        .property("status", fixed(Type::Integer, json!(problem.status)))
        .property("code", fixed(Type::String, json!(problem.code)))
        .property("detail", text(&problem.detail))
        .property("error", text(&problem.error));
    if let Some(details) = details {
        members = members.property("details", details.schema.clone()).required("details");
    }
    let all_of = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(members);
    // the meaning of a fault differs between operations: their responses describe it
    let description = if kind.variant.is_empty() { kind.code.title() } else { kind.doc.trim() };
    Schema::AllOf(all_of.description(Some(description)).build())
}

fn header_of(of: Type, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(of))).description(Some(description)).build()
}

fn tag(description: &str) -> Header {
    header_of(Type::String, description)
}

fn replayed() -> Header {
    header_of(Type::String, "`true` when the answer is the stored one of an earlier call with the same `Idempotency-Key`.")
}
