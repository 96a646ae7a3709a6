use kernel::{Amount, ApiError, Currency, Fault};

/// What can go wrong with carts.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "cart")]
pub enum CartError {
    /// There is no such product, or it is no longer sold.
    #[error("Product not found")]
    #[api(not_found)]
    ProductNotFound,
    /// The cart has no line of this product.
    #[error("Product is not in the cart")]
    #[api(not_found)]
    NotInCart,
    /// The cart would ask for more than there is.
    #[error("Insufficient stock: {available} left, the cart would have {requested}")]
    #[api(invalid_argument)]
    InsufficientStock {
        /// Pieces that the cart would have.
        requested: u32,
        /// Pieces that are left.
        available: u32,
    },
    /// The cart would cost more than can be shown and paid.
    #[error("The cart would cost more than {most} {currency}")]
    #[api(invalid_argument)]
    TooDear {
        /// The most that a cart can cost.
        most: Amount,
        /// Its currency.
        currency: Currency,
    },
    /// The cart has as many lines as it can have.
    #[error("A cart can have at most 100 products")]
    #[api(conflict)]
    CartFull,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}
