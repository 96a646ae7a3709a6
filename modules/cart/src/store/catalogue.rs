//! What the product module says about the variants in a cart.

use super::stored::{Line, Shown};
use crate::CartError;
use kernel::{Currency, Fault, Money};
use product::{ProductId, Variant, VariantId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The current state of the variants in a cart.
#[derive(Serialize, Deserialize)]
pub(crate) struct Catalogue {
    /// The requested variants; `None` for one that is no longer sold.
    // the name is that of the replies that are stored under idempotency keys
    #[serde(rename = "products")]
    pub(crate) variants: HashMap<VariantId, Option<Sold>>,
    /// Whether the product module could not be reached, so that `variants` is empty.
    pub(crate) stale: bool,
}

/// A variant that is sold.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sold {
    /// `None` if the product has no options: then its id is that of the variant.
    #[serde(default)]
    pub(crate) product: Option<ProductId>,
    pub(crate) name: String,
    pub(crate) price_minor: i64,
    pub(crate) currency: Currency,
    /// Pieces in stock.
    pub(crate) stock: u32,
}

impl Catalogue {
    /// A variant that is sold.
    pub(crate) fn sold(&self, id: VariantId) -> Result<&Sold, CartError> {
        self.variants.get(&id).and_then(Option::as_ref).ok_or(CartError::ProductNotFound)
    }

    /// The names and prices that the user is shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        self.variants.iter().filter_map(|(id, sold)| sold.as_ref().map(|sold| sold.shown(*id)))
    }

    /// What a line is of now, or was when it was last shown.
    pub(crate) fn of(&self, line: &Line) -> Of {
        Of::new(line.variant, self.get(line).flatten().map_or(line.product, |sold| sold.product))
    }

    /// The state of a line's variant: `None` when it was not requested, `Some(None)` when it is no longer sold.
    pub(crate) fn get(&self, line: &Line) -> Option<Option<&Sold>> {
        self.variants.get(&line.variant).map(Option::as_ref)
    }
}

/// What a line is of.
pub(crate) struct Of {
    pub(crate) product_id: ProductId,
    /// `None` if the product has no options.
    pub(crate) variant_id: Option<VariantId>,
}

impl Of {
    /// `product` is `None` if the product has no options.
    pub(crate) fn new(variant: VariantId, product: Option<ProductId>) -> Self {
        Self { product_id: product.unwrap_or(ProductId(variant.0)), variant_id: product.map(|_| variant) }
    }
}

impl Sold {
    /// The name and price that the user is shown.
    pub(crate) fn shown(&self, variant: VariantId) -> Shown<'_> {
        Shown { variant, product: self.product, name: &self.name, price: self.price() }
    }

    pub(crate) fn price(&self) -> Money {
        Money { minor: self.price_minor, currency: self.currency }
    }
}

impl TryFrom<Variant> for Sold {
    type Error = Fault;

    fn try_from(variant: Variant) -> Result<Self, Fault> {
        let invalid = || Fault::internal(format_args!("price of variant {}: {} {}", variant.id, variant.price, variant.currency));
        let price = variant.price.in_currency(variant.currency).ok_or_else(invalid)?;
        let product = (!variant.options.is_empty()).then_some(variant.product_id);
        Ok(Self {
            product,
            name: variant.name,
            price_minor: price.minor,
            currency: price.currency,
            stock: variant.stock_quantity,
        })
    }
}
