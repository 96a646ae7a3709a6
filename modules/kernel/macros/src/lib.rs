//! The macros of the kernel. `kernel` re-exports them; nobody depends on this crate directly.
//!
//! [`macro@api`] reads an annotated trait (`parse`), checks the rules that need more than one attribute to see and makes a `model` of
//! it (`check`), and writes what a module needs around it (`emit`). All mistakes of a trait are reported at once (`diagnose`).

mod api_error;
mod check;
mod diagnose;
mod doc;
mod emit;
mod model;
mod parse;
#[expect(unreachable_pub, reason = "the kernel shows it")]
#[path = "../../src/rate.rs"]
mod rate;
mod request;

use proc_macro::TokenStream;

/// Makes a trait the public face of a module: its client, its HTTP client and server side, its OpenAPI document and its `OPS`.
///
/// `#[kernel::api(module = "product")]` goes on a trait whose name ends in `Api`. Each method has one of `#[get]`, `#[post]`, `#[put]`,
/// `#[patch]`, `#[delete]` with the path at the module's own service, and:
///
/// | key | meaning |
/// |---|---|
/// | `access = anyone \| user \| role(admin) \| module(order, ..)` | who may call it; required |
/// | `public = "/api/.."` | path at the gateway; without it the gateway does not serve the operation |
/// | `rate = "100/min"` | limit for one caller at the gateway; required with `public` |
/// | `retry = key \| never` | for POST: whether it may be repeated with an idempotency key |
/// | `etag` | the answer has an entity tag: its type implements `kernel::Tagged` |
/// | `localized` | the answer is in the languages that the caller wants: see `Ctx::languages` |
/// | `unless = receive` | calls without `If-Match` are refused, and the operation of that name is recommended instead |
/// | `upload("image/png", .., max = "20 MB")` | the body is a stream, of one of these media types and at most this size; for POST with `retry = never` |
/// | `download("image/png", ..)` | the answer is not JSON, but of one of these media types; for GET |
/// | `within = "5min"` | a call may take that long, instead of the usual time; at least `1s`, at most `1hour` |
/// | `status = 201` | status of success: 200 (default), 201, 202 or 204 |
/// | `location = "/api/things/{id}"` | the answer has this `Location`, with members of its JSON in place of `{id}` |
/// | `errors(NotFound, ..)` | variants of the module's error enum that it can answer; none (default) |
///
/// A parameter `{name}` of the path is the method's parameter of that name, of a type that is not plain text; one more parameter is the query (GET, DELETE) or the
/// body (POST, PUT, PATCH). A parameter of the type `IfMatch` is that header. It is heeded in the statement that writes: what the caller
/// did not see must not be overwritten, also when two write at once. A parameter of the type `Upload` is the body as a stream: the operation
/// reads it as it arrives, and one more parameter is the query. An answer of the type `Download` is sent as the operation makes it. The body of a PATCH is a merge patch: see `kernel::optional`. A path parameter that the public path lacks is the caller's own `UserId`.
///
/// Faults are not declared: any call can be refused or break. What an operation answers without having declared it is reported as
/// `internal` in debug builds, and so fails the tests.
#[proc_macro_attribute]
pub fn api(attributes: TokenStream, item: TokenStream) -> TokenStream {
    emit::expand(attributes.into(), item.into()).into()
}

/// Lets a type be the query or the body of a request: checks that it refuses fields that it does not know.
///
/// Without `#[serde(deny_unknown_fields)]` a misspelt filter would answer an unfiltered list.
#[proc_macro_derive(Request)]
pub fn request(item: TokenStream) -> TokenStream {
    request::expand(item.into()).into()
}

/// Lets an error enum travel: each variant has a code, a stable name and its data on the wire.
///
/// `#[api(module = "product")]` goes on the enum, `#[api(conflict)]` (a code of `kernel::Code` in snake case) on each variant, and
/// `#[api(fault)]` on the one that holds a `kernel::Fault`.
#[proc_macro_derive(ApiError, attributes(api))]
pub fn api_error(item: TokenStream) -> TokenStream {
    api_error::expand(item.into()).into()
}
