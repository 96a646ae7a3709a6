//! The bounds of the types in the signatures of operations, so that the compiler reports them in one message for each type.
//!
//! The expansion of `#[kernel::api]` asserts these wherever it uses a type: a bound that an assertion implies is then not
//! reported again, and equal reports are shown once.

use crate::{ApiError, Fault, Tagged};
use garde::Validate;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr};
use utoipa::{IntoParams, ToSchema};

/// A type that clients fill: the query or the body of a request. It refuses fields that it does not know.
///
/// `#[derive(kernel::Request)]` implements it for types with `#[serde(deny_unknown_fields)]`. Where unknown fields are to be
/// ignored, as in an event of a newer release, implement it by hand.
pub trait Request {}

/// The query of an operation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a query",
    label = "make it a struct that derives `Serialize`, `Deserialize`, `Validate`, `IntoParams` and `kernel::Request`"
)]
pub trait Query: Request + Serialize + DeserializeOwned + Validate<Context = ()> + IntoParams {}

#[diagnostic::do_not_recommend]
impl<T: Request + Serialize + DeserializeOwned + Validate<Context = ()> + IntoParams> Query for T {}

/// The JSON body of an operation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a body",
    label = "make it a struct that derives `Serialize`, `Deserialize`, `Validate`, `ToSchema` and `kernel::Request`"
)]
pub trait Body: Request + Serialize + DeserializeOwned + Validate<Context = ()> + ToSchema {}

#[diagnostic::do_not_recommend]
impl<T: Request + Serialize + DeserializeOwned + Validate<Context = ()> + ToSchema> Body for T {}

/// The reply of an operation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a reply",
    label = "derive `Serialize`, `Deserialize` and `ToSchema` for it"
)]
pub trait Answer: Serialize + DeserializeOwned + ToSchema {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + ToSchema> Answer for T {}

/// A parameter of a path.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a path",
    label = "implement `Display`, `FromStr` and `ToSchema` for it"
)]
pub trait Param: Display + FromStr<Err: Display> + ToSchema {}

#[diagnostic::do_not_recommend]
impl<T: Display + FromStr<Err: Display> + ToSchema> Param for T {}

/// Asserts that a type can be a query.
pub fn query<T: Query>() {}

/// Asserts that a type can be a body.
pub fn body<T: Body>() {}

/// Asserts that a type can be a reply.
pub fn answer<T: Answer>() {}

/// Asserts that a reply has an entity tag.
pub fn tagged<T: Tagged>() {}

/// Asserts that a type can be in a path.
pub fn param<T: Param>() {}

/// Asserts that a type is the error of a module.
pub const fn error<E: ApiError>() {}

/// A fault as the error of a module.
pub fn failed<E: ApiError>(fault: Fault) -> E {
    fault.into()
}
