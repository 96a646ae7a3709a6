//! What the product module says about the products of a cart.

use super::stored::{Line, ShownProduct};
use crate::CartError;
use kernel::{Currency, Fault, Money};
use product::{Product, ProductId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The current state of the products of a cart.
#[derive(Serialize, Deserialize)]
pub(crate) struct Catalogue {
    /// The requested products; `None` for one that is no longer sold.
    pub(crate) products: HashMap<ProductId, Option<Sold>>,
    /// Whether the product module could not be reached, so that `products` is empty.
    pub(crate) stale: bool,
}

/// A product that is sold.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sold {
    pub(crate) name: String,
    pub(crate) price_minor: i64,
    pub(crate) currency: Currency,
    /// Pieces in stock.
    pub(crate) stock: u32,
}

impl Catalogue {
    /// A product that is sold.
    pub(crate) fn sold(&self, id: ProductId) -> Result<&Sold, CartError> {
        self.products.get(&id).and_then(Option::as_ref).ok_or(CartError::ProductNotFound)
    }

    /// The names and prices that the user is shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = ShownProduct<'_>> {
        self.products.iter().filter_map(|(id, product)| product.as_ref().map(|product| product.shown(*id)))
    }

    /// The state of a line's product: `None` when it was not requested, `Some(None)` when it is no longer sold.
    pub(crate) fn get(&self, line: &Line) -> Option<Option<&Sold>> {
        self.products.get(&line.product).map(Option::as_ref)
    }
}

impl Sold {
    /// The name and price that the user is shown.
    pub(crate) fn shown(&self, product: ProductId) -> ShownProduct<'_> {
        ShownProduct { product, name: &self.name, price: self.price() }
    }

    pub(crate) fn price(&self) -> Money {
        Money { minor: self.price_minor, currency: self.currency }
    }
}

impl TryFrom<Product> for Sold {
    type Error = Fault;

    fn try_from(product: Product) -> Result<Self, Fault> {
        let invalid = || Fault::internal(format_args!("price of product {}: {} {}", product.id, product.price, product.currency));
        let price = product.price.in_currency(product.currency).ok_or_else(invalid)?;
        Ok(Self { name: product.name, price_minor: price.minor, currency: price.currency, stock: product.stock_quantity })
    }
}
