//! A provider without money: the method decides the outcome, so that every outcome can be seen and tested.

use crate::{
    NextAction,
    provider::{ChargeRequest, Outcome, Provider, ProviderError, RefundRequest},
};
use kernel::BoxFuture;

const SUCCESS: &str = "sandbox_success";
const DECLINED: &str = "sandbox_declined";
const NEEDS_ACTION: &str = "sandbox_needs_action";
const PROVIDER_DOWN: &str = "sandbox_provider_down";

/// The sandbox. It stores nothing: the outcome and the reference follow from the method and the key.
///
/// | method | outcome |
/// |---|---|
/// | `sandbox_success` | succeeds |
/// | `sandbox_declined` | declined, reason `card_declined` |
/// | `sandbox_needs_action` | requires an action; succeeds when it is confirmed |
/// | `sandbox_provider_down` | cannot be reached |
#[derive(Debug, Clone, Copy, Default)]
pub struct Sandbox;

impl Provider for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn knows(&self, method: &str) -> bool {
        [SUCCESS, DECLINED, NEEDS_ACTION, PROVIDER_DOWN].contains(&method)
    }

    fn charge(&self, request: ChargeRequest) -> BoxFuture<Result<Outcome, ProviderError>> {
        let reference = format!("sandbox-{}", request.key);
        let outcome = match request.method.as_str() {
            SUCCESS => Ok(Outcome::Succeeded { reference }),
            NEEDS_ACTION => Ok(Outcome::RequiresAction { reference, next_action: confirm() }),
            PROVIDER_DOWN => Err(ProviderError::NotReached("the payment method simulates it".into())),
            _ => Ok(Outcome::Declined { reason: "card_declined".into() }),
        };
        Box::pin(std::future::ready(outcome))
    }

    fn confirm(&self, reference: String) -> BoxFuture<Result<Outcome, ProviderError>> {
        Box::pin(std::future::ready(Ok(Outcome::Succeeded { reference })))
    }

    fn refund(&self, _: RefundRequest) -> BoxFuture<Result<(), ProviderError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn confirm() -> NextAction {
    NextAction {
        kind: "sandbox_confirm".into(),
        description: "A bank would ask the payer to approve now. Here, call PUT /api/payments/{id}/confirm".into(),
    }
}
