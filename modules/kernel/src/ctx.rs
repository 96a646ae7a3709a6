//! The context of a call: its principal, the calling module, the deadline, the trace, and the wanted languages.

use crate::{Code, Fault, Languages, Trace, UserId};
use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The longest that a call may take, whatever its caller says. Leases are longer: they must outlive every call.
pub const MAX_DEADLINE: Duration = Duration::from_secs(60);

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Runs the shop.
    Admin,
}

/// The person on whose behalf a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal {
    /// No user is logged in, or the call is that of a background job.
    Anonymous,
    /// A logged-in user.
    User {
        /// The user.
        id: UserId,
        /// The role of the user.
        role: Role,
    },
}

/// The first argument of every operation, in every placement.
#[derive(Debug, Clone)]
pub struct Ctx {
    principal: Principal,
    via: Option<Cow<'static, str>>,
    deadline: Instant,
    trace: Trace,
    key: Option<Arc<IdempotencyKey>>,
    languages: Languages,
}

#[derive(Debug)]
struct IdempotencyKey {
    key: String,
    replayed: AtomicBool,
}

impl Ctx {
    /// A call on behalf of `principal` that must end within `budget`.
    pub fn new(principal: Principal, budget: Duration) -> Self {
        Self {
            principal,
            via: None,
            deadline: Instant::now() + budget,
            trace: Trace::current().unwrap_or_else(Trace::start),
            key: None,
            languages: Languages::default(),
        }
    }

    /// A call without a user: by a background job, or by a client that is not logged in.
    pub fn anonymous(budget: Duration) -> Self {
        Self::new(Principal::Anonymous, budget)
    }

    /// The same call on behalf of another user. Only the module that started the work may do this.
    pub fn on_behalf_of(&self, id: UserId, role: Role) -> Self {
        Self { principal: Principal::User { id, role }, ..self.clone() }
    }

    /// The same call with an idempotency key (at most 255 characters).
    pub fn with_key(&self, key: impl Into<String>) -> Self {
        let key = IdempotencyKey { key: key.into(), replayed: AtomicBool::new(false) };
        Self { key: Some(Arc::new(key)), ..self.clone() }
    }

    /// The same call without an idempotency key: for calls to further modules, which have effects of their own.
    pub fn without_key(&self) -> Self {
        Self { key: None, ..self.clone() }
    }

    /// The same call by someone who wants these languages.
    pub fn with_languages(&self, languages: Languages) -> Self {
        Self { languages, ..self.clone() }
    }

    /// The same call as part of another trace.
    pub fn in_trace(&self, trace: Trace) -> Self {
        Self { trace, ..self.clone() }
    }

    /// The same call as made by this module.
    pub fn via(&self, module: impl Into<Cow<'static, str>>) -> Self {
        Self { via: Some(module.into()), ..self.clone() }
    }

    /// The module that makes the call; `None` only before the first interceptor.
    pub fn caller(&self) -> Option<&str> {
        self.via.as_deref()
    }

    /// The person on whose behalf the call is made.
    pub fn principal(&self) -> Principal {
        self.principal
    }

    /// The logged-in user.
    ///
    /// # Errors
    /// `unauthenticated` when no user is logged in.
    pub fn user(&self) -> Result<UserId, Fault> {
        match self.principal {
            Principal::User { id, .. } => Ok(id),
            Principal::Anonymous => Err(Fault::unauthenticated()),
        }
    }

    /// Whether the logged-in user has this role. An admin is a customer, too.
    pub fn has_role(&self, wanted: Role) -> bool {
        match self.principal {
            Principal::User { role, .. } => role == wanted || role == Role::Admin,
            Principal::Anonymous => false,
        }
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long the caller still waits.
    ///
    /// # Errors
    /// `deadline_exceeded` when the deadline has passed.
    pub fn time_left(&self) -> Result<Duration, Fault> {
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(Fault::new(Code::DeadlineExceeded, "Service timeout")),
        }
    }

    /// The trace that the call belongs to.
    pub fn trace(&self) -> Trace {
        self.trace
    }

    /// The position of what this call causes now: of the current span, if the trace is recorded.
    pub(crate) fn here(&self) -> Trace {
        Trace::current().unwrap_or(self.trace)
    }

    /// The languages that the caller wants. Only operations with `localized` are told.
    pub fn languages(&self) -> &Languages {
        &self.languages
    }

    /// The caller's idempotency key (draft-ietf-httpapi-idempotency-key-header-07).
    pub fn idempotency_key(&self) -> Option<&str> {
        self.key.as_ref().map(|k| k.key.as_str())
    }

    /// Marks the reply as the stored one of an earlier call with the same key.
    pub fn mark_replayed(&self) {
        if let Some(key) = &self.key {
            key.replayed.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the reply is the stored one of an earlier call with the same key.
    pub fn is_replayed(&self) -> bool {
        self.key.as_ref().is_some_and(|k| k.replayed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_is_a_customer_but_not_the_reverse() {
        let user = |role| Ctx::new(Principal::User { id: UserId(1), role }, Duration::from_secs(1));
        assert!(user(Role::Admin).has_role(Role::Customer));
        assert!(!user(Role::Customer).has_role(Role::Admin));
        assert!(!Ctx::anonymous(Duration::from_secs(1)).has_role(Role::Customer));
    }
}
