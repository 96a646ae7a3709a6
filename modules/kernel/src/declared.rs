//! The failures of operations: the problems that they declare, and the faults in which any call of their kind can end. The
//! OpenAPI document is made from them, and debug builds compare the answers with them.

use crate::{Access, Code, Condition, Fault, Op, Problem, ProblemKind, Retry, token};

/// Where an operation is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// At the service of its module, by other modules.
    Module,
    /// At the gateway, by clients; `takes_tokens` when it checks their access tokens.
    Gateway { takes_tokens: bool },
}

impl Op {
    /// All kinds of problems that it can answer there.
    pub(crate) fn problems(&self, at: At) -> Vec<ProblemKind> {
        let mut problems = faults(self, at);
        problems.extend(self.errors);
        problems
    }

    /// The problem, if the operation has declared it. In place of any other, debug builds answer `internal` with the reason, so
    /// that tests of the error fail.
    pub(crate) fn declared(&self, problem: Problem) -> Problem {
        if !cfg!(debug_assertions) || self.can_answer(&problem.code) {
            return problem;
        }
        let why = format!("{} answered `{}`, which its `errors(..)` does not name", self.id, problem.code);
        Fault::internal(&why).with_message(why).into()
    }

    fn can_answer(&self, name: &str) -> bool {
        let at = [At::Module, At::Gateway { takes_tokens: true }];
        at.iter().flat_map(|at| self.problems(*at)).any(|kind| kind.name == name)
    }

    /// Whether the module's path names a user who, at the gateway, is the caller.
    fn names_owner(&self) -> bool {
        let params = |path: &str| path.matches('{').count();
        self.public.is_some_and(|public| params(public) < params(self.path))
    }
}

/// The faults in which a call of this kind can end, whatever the operation does.
fn faults(op: &Op, at: At) -> Vec<ProblemKind> {
    let fault = |code: Code, doc| ProblemKind { code, name: code.name(), variant: "", doc };
    let mut faults =
        vec![fault(Code::InvalidArgument, "The request breaks the rules of the operation; `errors` names the fields.")];
    let wants_user = matches!(op.access, Access::User | Access::Role(_));
    match at {
        At::Module => faults
            .push(ProblemKind { name: token::REFUSED, ..fault(Code::Unauthenticated, "The token of the call is not valid.") }),
        At::Gateway { takes_tokens: true } if !wants_user => {
            faults.push(fault(Code::Unauthenticated, "A token was sent that is not valid."));
        }
        At::Gateway { .. } => {}
    }
    if wants_user {
        faults.push(fault(Code::Unauthenticated, "Nobody is logged in, or the token is not valid."));
    }
    let is_owned = at == At::Module && op.names_owner();
    if matches!(op.access, Access::Role(_) | Access::Modules(_)) || is_owned {
        faults.push(fault(Code::PermissionDenied, "The caller may not do this."));
    }
    if op.method.takes_body() {
        faults.push(fault(Code::PayloadTooLarge, "The body is too large."));
        faults.push(fault(Code::UnsupportedMediaType, "The body is of another media type."));
    }
    if !op.download.is_empty() {
        faults.push(fault(Code::RangeNotSatisfiable, "There are no such bytes in the answer: see `Range`."));
    }
    if op.condition != Condition::None {
        faults.push(fault(Code::PreconditionFailed, "It is not as the caller saw it: `If-Match` has another tag than `ETag`."));
    }
    if matches!(op.condition, Condition::Demanded { .. }) {
        faults.push(fault(Code::PreconditionRequired, "There is no `If-Match`: say which version you saw."));
    }
    if op.retry == Retry::Key {
        faults.push(fault(Code::Conflict, "A request with the idempotency key is still running; see `Retry-After`."));
        faults.push(fault(Code::Unprocessable, "The idempotency key was used for another request."));
    }
    if op.public.is_some() {
        faults.push(fault(Code::TooManyRequests, "Too many calls; see `Retry-After`."));
    }
    faults.push(fault(Code::Unavailable, "Something that is needed cannot be reached now; see `Retry-After`."));
    faults.push(fault(Code::DeadlineExceeded, "It took too long. It may have run."));
    faults.push(fault(Code::Internal, "A bug. Quote `trace_id` to support."));
    faults
}
