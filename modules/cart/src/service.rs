//! The implementation of [`CartApi`].

use crate::{
    AddItem, Cart, CartApi, CartError, CartVersion, ChangeItem, Cleared, Snapshot, SnapshotLine, Validation,
    store::{
        Store,
        catalogue::Catalogue,
        pricing,
        stored::{MAX_LINES, Stored, pieces},
    },
};
use kernel::{Code, Ctx, Fault, UserId, chrono::TimeDelta};
use product::{FindVariants, Ids, ProductApi, ProductClient, ProductError, ProductId, VariantId};
use std::collections::HashMap;

/// The service: carts in a store, with the product module's prices and stock.
#[derive(Clone)]
pub struct Carts {
    pub(crate) store: Store,
    pub(crate) product: ProductClient,
    /// Time from the last use of a cart to its expiry.
    pub(crate) life: TimeDelta,
}

type Result<T> = std::result::Result<T, CartError>;

impl CartApi for Carts {
    async fn get(&self, cx: &Ctx, user: UserId) -> Result<Cart> {
        let Some(stored) = self.store.renewed(user, self.life).await? else { return Ok(pricing::empty()) };
        self.show(cx, user, stored).await
    }

    async fn add(&self, cx: &Ctx, user: UserId, item: AddItem) -> Result<Cart> {
        // a repeated call is answered even when the product module cannot be reached
        if let Some(cart) = self.store.replayed(cx, user, &item).await? {
            return Ok(cart);
        }
        let id = item.variant();
        let stored = self.store.load(user).await?;
        let full = stored.as_ref().is_some_and(|s| s.lines.len() >= MAX_LINES && s.lines.iter().all(|l| l.variant != id));
        if full {
            return Err(CartError::CartFull);
        }
        let catalogue = self.catalogue(cx, stored.as_ref(), Some(id)).await?;
        self.must_be_chosen(cx, &item, &catalogue).await?;
        self.store.add(cx, user, &item, &catalogue, self.life).await
    }

    async fn change(&self, cx: &Ctx, user: UserId, product_id: VariantId, change: ChangeItem) -> Result<Cart> {
        let quantity = pieces(change.quantity);
        if quantity == 0 {
            return self.remove(cx, user, product_id).await;
        }
        let stored = self.store.load(user).await?.ok_or(CartError::NotInCart)?;
        if stored.lines.iter().all(|line| line.variant != product_id) {
            return Err(CartError::NotInCart);
        }
        let catalogue = self.catalogue(cx, Some(&stored), None).await?;
        let available = catalogue.sold(product_id)?.stock;
        if quantity > available {
            return Err(CartError::InsufficientStock { requested: quantity, available });
        }
        let stored = self.store.set(user, product_id, quantity, &catalogue, self.life).await?;
        Ok(pricing::cart(&stored, &catalogue))
    }

    async fn remove(&self, cx: &Ctx, user: UserId, product_id: VariantId) -> Result<Cart> {
        match self.store.remove(user, product_id, self.life).await? {
            Some(stored) => self.show(cx, user, stored).await,
            None => Ok(pricing::empty()),
        }
    }

    async fn clear(&self, _: &Ctx, user: UserId) -> Result<Cleared> {
        self.store.clear(user).await?;
        Ok(Cleared { message: "Cart cleared successfully".into() })
    }

    async fn validate(&self, cx: &Ctx, user: UserId) -> Result<Validation> {
        let Some(stored) = self.store.renewed(user, self.life).await? else {
            return Ok(Validation { cart: pricing::empty(), is_valid: false, validation_issues: Vec::new() });
        };
        let catalogue = self.catalogue(cx, Some(&stored), None).await?;
        let validation_issues = pricing::issues(&stored, &catalogue);
        self.store.remember_shown(user, &pricing::changed(&stored, &catalogue)).await?;
        let is_valid = validation_issues.is_empty();
        Ok(Validation { cart: pricing::cart(&stored, &catalogue), is_valid, validation_issues })
    }

    async fn snapshot(&self, _: &Ctx, user: UserId) -> Result<Snapshot> {
        let Some(Stored { version, mut lines, .. }) = self.store.load(user).await? else {
            return Ok(Snapshot { lines: Vec::new(), version: 0 });
        };
        lines.sort_unstable_by_key(|line| (line.product.unwrap_or(ProductId(line.variant.0)), line.variant));
        let lines = lines.into_iter().map(|line| SnapshotLine {
            product_id: line.product.unwrap_or(ProductId(line.variant.0)),
            variant_id: line.product.map(|_| line.variant),
            quantity: line.quantity,
            product_name: line.name,
            unit_price: line.price.amount(),
            currency: line.price.currency,
        });
        Ok(Snapshot { lines: lines.collect(), version })
    }

    async fn ordered(&self, _: &Ctx, user: UserId, version: CartVersion) -> Result<()> {
        Ok(self.store.clear_version(user, version.version).await?)
    }
}

impl Carts {
    /// Waits until the store is up.
    pub async fn up(&self) {
        self.store.up().await;
    }

    /// The cart at current prices, or as it was last shown when the product module cannot be reached.
    async fn show(&self, cx: &Ctx, user: UserId, stored: Stored) -> Result<Cart> {
        // half of the time, so that some is left to answer without the product module
        let budget = cx.time_left()? / 2;
        let cx = Ctx::new(cx.principal(), budget).in_trace(cx.trace());
        let catalogue = match self.catalogue(&cx, Some(&stored), None).await {
            Err(fault) if matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded) => {
                Catalogue { variants: HashMap::new(), stale: true }
            }
            answer => answer?,
        };
        self.store.remember_shown(user, &pricing::changed(&stored, &catalogue)).await?;
        Ok(pricing::cart(&stored, &catalogue))
    }

    /// Refuses a product with options without a variant, and a variant of another product.
    async fn must_be_chosen(&self, cx: &Ctx, item: &AddItem, catalogue: &Catalogue) -> Result<()> {
        match (catalogue.sold(item.variant()), item.variant_id) {
            (Ok(sold), None) if sold.product.is_some() => Err(CartError::VariantRequired),
            (Ok(sold), Some(id)) if sold.product.unwrap_or(ProductId(id.0)) != item.product_id => Err(CartError::ProductNotFound),
            (Ok(_), _) => Ok(()),
            // the first variant of the product may be gone, and others be left
            (Err(_), None) => match self.product.get(&cx.without_key(), item.product_id).await {
                Ok(product) if !product.options.is_empty() => Err(CartError::VariantRequired),
                Ok(_) | Err(ProductError::NotFound) => Err(CartError::ProductNotFound),
                Err(e) => Err(of_product(e).into()),
            },
            (Err(e), Some(_)) => Err(e),
        }
    }

    /// The variants of all lines, and `more`, in one call.
    async fn catalogue(
        &self,
        cx: &Ctx,
        stored: Option<&Stored>,
        more: Option<VariantId>,
    ) -> std::result::Result<Catalogue, Fault> {
        let lines = stored.map_or(&[][..], |stored| &stored.lines);
        let ids = Ids::new(lines.iter().map(|line| line.variant).chain(more)).map_err(Fault::internal)?;
        let mut variants: HashMap<_, _> = ids.as_slice().iter().map(|id| (*id, None)).collect();
        let query = FindVariants { ids: Some(ids), sku: None };
        let found = self.product.variants(&cx.without_key(), query).await.map_err(of_product)?;
        for variant in found.variants {
            variants.insert(variant.id, Some(variant.try_into()?));
        }
        Ok(Catalogue { variants, stale: false })
    }
}

/// A failed call of the product module.
fn of_product(e: ProductError) -> Fault {
    match e {
        ProductError::Fault(fault) => fault,
        e => Fault::internal(format_args!("variants of a cart: {e}")),
    }
}
