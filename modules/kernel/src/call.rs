//! The one interceptor. Every call of every client goes through [`Calls::run`], in every placement.

use crate::{
    Access, ApiError, BoxFuture, Code, Ctx, Fault, FieldError, Op, UserId,
    future::panic_text,
    trace::{self, Kind},
    transport::begin_counting,
    writes::spawn_write,
};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tracing::{Instrument, Span};

/// The caller of everything that customers do.
pub const GATEWAY: &str = "gateway";

/// Where the implementation behind a client runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In this process.
    Local,
    /// Behind HTTP, or behind the codec in tests.
    Remote,
}

impl Placement {
    const fn name(self) -> &'static str {
        match self {
            Placement::Local => "local",
            Placement::Remote => "remote",
        }
    }
}

/// The part of a generated client that is not the implementation: the calling module, the placement and the meters.
#[derive(Clone)]
pub struct Calls {
    module: Option<&'static str>,
    placement: Placement,
    ops: &'static [Op],
    /// One for each operation. Made when a call succeeds for the first time, because each has twenty lines in the answer of
    /// `/metrics`, and most modules call few operations of another.
    succeeded: Arc<[OnceLock<metrics::Histogram>]>,
}

impl Calls {
    /// For a client of a module with these operations. Until [`Calls::called_by`] the caller is the one that the context names.
    pub fn new(placement: Placement, ops: &'static [Op]) -> Self {
        if placement == Placement::Remote {
            begin_counting(ops);
        }
        Self { module: None, placement, ops, succeeded: meters(ops) }
    }

    /// The same client for `module`: its calls are made in that name.
    pub fn called_by(&self, module: &'static str) -> Self {
        let calls = Self { module: Some(module), succeeded: meters(self.ops), ..self.clone() };
        if module == GATEWAY {
            // an increase from nothing is none to Prometheus, and what customers do is charted
            for (index, _) in self.ops.iter().enumerate().filter(|(_, op)| op.public.is_some()) {
                calls.succeeded(index);
            }
        }
        calls
    }

    /// Whether the operation may be called at all, before its arguments are decoded.
    ///
    /// # Errors
    /// `unauthenticated` or `permission_denied`.
    pub fn admit(&self, index: usize, cx: &Ctx) -> Result<(), Fault> {
        admit(&self.ops[index], &self.enter(cx), None)
    }

    fn enter(&self, cx: &Ctx) -> Ctx {
        self.module.map_or_else(|| cx.clone(), |module| cx.via(module))
    }

    /// Makes a call: access, deadline, panic guard, span and metric.
    ///
    /// Reads run inline and end when their caller leaves. Writes run on their own task, to the end or the deadline, because a
    /// caller that leaves must not cut them half way. Behind HTTP it is the same.
    ///
    /// # Errors
    /// The error of the operation, or the fault that kept it from running.
    pub async fn run<T, E>(
        &self,
        index: usize,
        cx: &Ctx,
        owner: Option<UserId>,
        call: impl FnOnce(Ctx) -> BoxFuture<Result<T, E>>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: ApiError,
    {
        let op = &self.ops[index];
        let cx = self.enter(cx);
        let started = Instant::now();
        let result = match admit(op, &cx, owner) {
            Err(fault) => Err(E::from(fault)),
            Ok(()) => {
                let deadline = cx.deadline();
                let span = tracing::debug_span!("call", op = op.id, placement = self.placement.name());
                let recorded = trace::span(Kind::Internal, op.id);
                trace::set(&recorded, "souk.placement", self.placement.name());
                let work = guard(op, deadline, call(cx), recorded.clone());
                // for a task of its own; a recorded span knows the one around it
                let span = if recorded.is_none() { span.or_current() } else { span };
                let work = work.instrument(span).instrument(recorded);
                if op.is_read() || self.placement == Placement::Remote {
                    work.await
                } else {
                    match spawn_write(work).await {
                        Ok(result) => result,
                        Err(e) => Err(E::from(Fault::internal(format_args!("task of {}: {e}", op.id)))),
                    }
                }
            }
        };
        self.measure(index, started.elapsed(), &result);
        result
    }

    fn measure<T, E: ApiError>(&self, index: usize, took: Duration, result: &Result<T, E>) {
        match result {
            Ok(_) => self.succeeded(index).record(took),
            Err(e) => self.meter(index, e.code().name()).record(took),
        }
    }

    fn succeeded(&self, index: usize) -> &metrics::Histogram {
        self.succeeded[index].get_or_init(|| self.meter(index, "ok"))
    }

    fn meter(&self, index: usize, code: &'static str) -> metrics::Histogram {
        let (op, caller, placement) = (self.ops[index].id, self.module.unwrap_or(""), self.placement.name());
        metrics::histogram!("souk_call_seconds", "op" => op, "caller" => caller, "placement" => placement, "code" => code)
    }
}

fn meters(ops: &[Op]) -> Arc<[OnceLock<metrics::Histogram>]> {
    ops.iter().map(|_| OnceLock::new()).collect()
}

/// Whether the call may be made. `owner` is the user whose things a path names, e.g. `/cart/{user}`.
pub(crate) fn admit(op: &Op, cx: &Ctx, owner: Option<UserId>) -> Result<(), Fault> {
    let denied = || Fault::new(Code::PermissionDenied, "Permission denied");
    match op.access {
        Access::Anyone => Ok(()),
        Access::User => match (cx.user()?, owner) {
            (caller, Some(owner)) if caller != owner => Err(denied()),
            _ => Ok(()),
        },
        Access::Role(role) => {
            cx.user()?;
            if cx.has_role(role) { Ok(()) } else { Err(denied()) }
        }
        Access::Modules(allowed) => match cx.caller() {
            Some(caller) if allowed.contains(&caller) => Ok(()),
            _ => Err(denied()),
        },
    }
}

/// Ends at the deadline, and turns a panic into `internal`: a bug must not look like "unreachable", which is retried.
async fn guard<T, E: ApiError>(
    op: &'static Op,
    deadline: tokio::time::Instant,
    work: BoxFuture<Result<T, E>>,
    recorded: Span,
) -> Result<T, E> {
    let result = match tokio::time::timeout_at(deadline, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Fault::internal(format_args!("{} panicked: {}", op.id, panic_text(&*panic))).into()),
        Err(_) => Err(Fault::new(Code::DeadlineExceeded, "Service timeout").into()),
    };
    if let Err(e) = &result {
        trace::outcome(&recorded, e.code());
    }
    result
}

/// Checks the rules that a request type states, before the operation sees it.
///
/// # Errors
/// `invalid_argument` with every field that breaks a rule.
pub fn validate<T>(value: &T) -> Result<(), Fault>
where
    T: garde::Validate<Context = ()>,
{
    value.validate().map_err(|report| {
        let errors = report.iter().map(|(path, e)| {
            let path = path.to_string().replace('[', ".").replace(']', "");
            let pointer = path.split('.').filter(|s| !s.is_empty()).map(|s| format!("/{s}")).collect();
            FieldError { pointer, detail: e.message().to_owned() }
        });
        Fault::invalid_fields(errors.collect())
    })
}
