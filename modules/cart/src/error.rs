use kernel::{Amount, ApiError, Currency, Fault};

/// Errors of carts.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "cart")]
pub enum CartError {
    /// There is no such product, or it is no longer sold.
    #[error("Product not found")]
    #[api(not_found)]
    ProductNotFound,
    /// The product has options: the request must name a variant.
    #[error("This product has options: choose one of its variants")]
    #[api(conflict)]
    VariantRequired,
    /// The cart has no line of this product.
    #[error("Product is not in the cart")]
    #[api(not_found)]
    NotInCart,
    /// The cart would contain more pieces of the product than there are in stock.
    #[error("Insufficient stock: {available} left, the cart would have {requested}")]
    #[api(invalid_argument)]
    InsufficientStock {
        /// Pieces that the cart would contain.
        requested: u32,
        /// Pieces in stock.
        available: u32,
    },
    /// The total would be above the highest amount.
    #[error("The cart would cost more than {most} {currency}")]
    #[api(invalid_argument)]
    TooDear {
        /// The highest total of a cart.
        most: Amount,
        /// Currency of `most`.
        currency: Currency,
    },
    /// The cart has 100 lines, the maximum.
    #[error("A cart can have at most 100 products")]
    #[api(conflict)]
    CartFull,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
