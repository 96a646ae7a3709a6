use crate::{AddItem, Cart, CartError, CartVersion, ChangeItem, Cleared, Snapshot, Validation};
use kernel::{Contract, Ctx, UserId};
use product::VariantId;

/// Carts of logged-in users.
#[kernel::api(module = "cart")]
pub trait CartApi {
    /// Get your cart.
    ///
    /// Names, prices and stock are current. When the product module cannot be reached, the last known names and prices are shown
    /// and `stale` is true. Reading a cart renews its expiry.
    #[get("/cart/{user}", public = "/api/cart", access = user, rate = "50/min")]
    async fn get(&self, cx: &Ctx, user: UserId) -> Result<Cart, CartError>;

    /// Add a product to your cart.
    ///
    /// Adds to the line of the variant, if there is one. A product with options needs `variant_id`. A cart cannot contain more pieces than there are in stock.
    #[post(
        "/cart/{user}/items",
        public = "/api/cart/items",
        access = user,
        retry = key,
        status = 201,
        rate = "20/min",
        errors(ProductNotFound, VariantRequired, InsufficientStock, TooDear, CartFull)
    )]
    async fn add(&self, cx: &Ctx, user: UserId, item: AddItem) -> Result<Cart, CartError>;

    /// Change the quantity of a product in your cart.
    ///
    /// The path has the `variant_id` of the line, or its `product_id` if it has none. 0 removes the line.
    #[put(
        "/cart/{user}/items/{product_id}",
        public = "/api/cart/items/{product_id}",
        access = user,
        rate = "20/min",
        errors(NotInCart, ProductNotFound, InsufficientStock, TooDear)
    )]
    async fn change(&self, cx: &Ctx, user: UserId, product_id: VariantId, change: ChangeItem) -> Result<Cart, CartError>;

    /// Remove a product from your cart.
    ///
    /// The path has the `variant_id` of the line, or its `product_id` if it has none.
    #[delete(
        "/cart/{user}/items/{product_id}",
        public = "/api/cart/items/{product_id}",
        access = user,
        rate = "20/min",
        errors(NotInCart)
    )]
    async fn remove(&self, cx: &Ctx, user: UserId, product_id: VariantId) -> Result<Cart, CartError>;

    /// Empty your cart.
    #[delete("/cart/{user}", public = "/api/cart", access = user, rate = "20/min")]
    async fn clear(&self, cx: &Ctx, user: UserId) -> Result<Cleared, CartError>;

    /// Check your cart before ordering.
    ///
    /// Lists the products that are no longer sold, have too little stock, or have another price than you were last shown.
    #[post("/cart/{user}/validate", public = "/api/cart/validate", access = user, retry = never, rate = "30/min")]
    async fn validate(&self, cx: &Ctx, user: UserId) -> Result<Validation, CartError>;

    /// Get the lines of a cart, with the names and prices that its user was last shown, to order them.
    #[get("/cart/{user}/snapshot", access = module(order))]
    async fn snapshot(&self, cx: &Ctx, user: UserId) -> Result<Snapshot, CartError>;

    /// Empty a cart that was ordered, unless it has changed since.
    #[delete("/cart/{user}/snapshot", access = module(order), status = 204)]
    async fn ordered(&self, cx: &Ctx, user: UserId, version: CartVersion) -> Result<(), CartError>;
}

impl Contract for CartClient {
    const NAME: &'static str = "cart";
    const PORT: u16 = 5003;
}
