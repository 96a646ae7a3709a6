//! Replaces `limits.rs` when the feature `actix-governor` is off: no call is limited.

use crate::config::Config;
use actix_web::{HttpRequest, Route, dev::ServiceResponse};
use kernel::{BoxError, Dispatch, Fault, Op, jobs::Jobs};
use std::{convert::Infallible, sync::Arc};

pub(crate) struct Limits;

/// The limit of an operation: none.
pub(crate) type Limit = Infallible;

impl Limits {
    pub(crate) fn start(_: &Config, _: &[Arc<dyn Dispatch>], _: &Jobs) -> Result<Self, BoxError> {
        tracing::warn!("no call is limited: this build does not have the feature actix-governor");
        Ok(Self)
    }

    pub(crate) fn of(&self, _: &Op) -> Option<Arc<Limit>> {
        None
    }
}

pub(crate) fn wrap(_: Option<&Limit>, route: Route) -> Route {
    route
}

pub(crate) fn check(_: &HttpRequest) -> Result<(), Fault> {
    Ok(())
}

pub(crate) fn describe<B>(_: Option<&Limit>, _: &mut ServiceResponse<B>) {}
