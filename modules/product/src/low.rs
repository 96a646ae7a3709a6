//! `stock.low`: the stock of a variant has become low.

use crate::{
    ProductId, StockLow, VariantId,
    entity::{stock_item, variant},
    rules::{self, name_of},
    view::to_quantity,
};
use kernel::Fault;

/// The threshold of an item, if a change by `pieces` that made the item what it is has brought it down to that: from above, so that it
/// becomes low once until it is above again.
pub(crate) fn fallen_to(item: &stock_item::Model, pieces: i64) -> Option<i64> {
    item.low_at.filter(|low_at| item.available <= *low_at && item.available - pieces > *low_at)
}

/// The event of an item, if such a change has made it low.
pub(crate) fn became_low(
    item: &stock_item::Model,
    pieces: i64,
    variant: &variant::Model,
    product_name: &str,
) -> Result<Option<StockLow>, Fault> {
    let Some(low_at) = fallen_to(item, pieces) else { return Ok(None) };
    Ok(Some(StockLow {
        variant_id: VariantId(variant.id),
        product_id: ProductId(variant.product_id),
        sku: variant.sku.clone(),
        name: name_of(product_name, &rules::stored::<Vec<_>>(&variant.options)?),
        available: to_quantity(item.available),
        low_at: to_quantity(low_at),
        version: item.version,
    }))
}
