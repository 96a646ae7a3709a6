//! Notices with example data, by which templates are checked and previewed.

use crate::{
    NotificationKind,
    notice::{AccountFacts, Confirmation, Facts, Notice},
};
use kernel::Fault;
use order::CancelReason;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The example notices of a kind: with and without optional facts, and with each reason. The first one has the most facts.
///
/// # Errors
/// `internal` when an example does not match the contract of its event.
pub(crate) fn examples(kind: NotificationKind) -> Result<Vec<Notice>, Fault> {
    let confirmation = || Some(Confirmation { email: "leyla@example.com".into(), token: "token".into() });
    let account = |confirmation| Ok(Facts::Account(AccountFacts { confirmation }));
    let facts: Result<Vec<Facts>, Fault> = match kind {
        NotificationKind::UserRegistered => [confirmation(), None].map(account).into_iter().collect(),
        NotificationKind::ConfirmationRequested => account(confirmation()).map(|facts| vec![facts]),
        NotificationKind::PaymentFailed => {
            let failed = |reason: &str| {
                of(json!({
                    "payment_id": "01890a5d-ac96-774b-bcce-b302099a8057", "order_id": 42, "user_id": 7,
                    "amount": 1073.5, "currency": "EUR", "reason": reason,
                }))
            };
            ["card_declined", "another_reason"].into_iter().map(|reason| failed(reason).map(Facts::Payment)).collect()
        }
        NotificationKind::StockLow => [Some("SHIRT-M-RED"), None]
            .into_iter()
            .map(|sku| {
                of(json!({
                    "variant_id": 1_000_000_000_001_i64, "product_id": 7, "sku": sku, "name": "Linen shirt <M & red>",
                    "available": 4, "low_at": 5, "version": 9,
                }))
                .map(Facts::Stock)
            })
            .collect(),
        NotificationKind::OrderCancelled => [
            (Some(CancelReason::Shop), Some("As you asked")),
            (Some(CancelReason::Customer), None),
            (Some(CancelReason::NotPaid), None),
            (Some(CancelReason::StockLost), None),
            (None, None),
        ]
        .into_iter()
        .map(|(reason, note)| order(reason, note))
        .collect(),
        _ => [Some("Parcel 0034"), None].into_iter().map(|note| order(None, note)).collect(),
    };
    Ok(facts?.into_iter().map(|facts| Notice { kind, facts }).collect())
}

fn order(reason: Option<CancelReason>, note: Option<&str>) -> Result<Facts, Fault> {
    let facts = of(json!({
        "order_id": 42, "number": "S-00000042", "user_id": 7,
        "items": [
            {"product_id": 1, "name": "Copper coffee pot", "unit_price": 34.5, "quantity": 2, "subtotal": 69},
            {"product_id": 2, "name": "Kilim <red & blue>", "unit_price": 1004.5, "quantity": 1, "subtotal": 1004.5},
        ],
        "total": 1073.5, "currency": "EUR", "reason": reason, "note": note,
    }))?;
    Ok(Facts::Order(facts))
}

fn of<T: DeserializeOwned>(facts: Value) -> Result<T, Fault> {
    serde_json::from_value(facts).map_err(Fault::internal)
}
