//! The implementation of [`CartApi`].

use crate::{
    AddItem, Cart, CartApi, CartError, CartVersion, ChangeItem, Cleared, Snapshot, SnapshotLine, Validation, ops,
    store::{self, MAX_LINES, Seen, Stored},
    view::{self, Catalogue},
};
use kernel::{Code, Ctx, Fault, UserId, chrono::TimeDelta, db::Db, idempotency, now};
use product::{Ids, ListProducts, Product, ProductApi, ProductClient, ProductError, ProductId};
use sea_orm::ConnectionTrait;
use std::collections::HashMap;

/// Carts, on a database and the product module.
#[derive(Clone)]
pub struct Carts {
    pub(crate) db: Db,
    pub(crate) product: ProductClient,
    /// How long a cart lives after it was last used.
    pub(crate) life: TimeDelta,
}

type Result<T> = std::result::Result<T, CartError>;

impl CartApi for Carts {
    async fn get(&self, cx: &Ctx, user: UserId) -> Result<Cart> {
        let Some(stored) = self.renewed(user).await? else { return Ok(view::empty()) };
        self.show(cx, user, stored).await
    }

    async fn add(&self, cx: &Ctx, user: UserId, item: AddItem) -> Result<Cart> {
        if cx.idempotency_key().is_some() {
            // a repetition is answered even when products cannot be reached; the transaction ends without effect
            let tx = self.db.begin().await?;
            if let Some(cart) = idempotency::begin(&tx, cx, ops::ADD, &item).await? {
                return Ok(cart);
            }
        }
        let id = item.product_id;
        let stored = store::load(self.db.read(), user).await?;
        let full = stored.as_ref().is_some_and(|s| s.lines.len() >= MAX_LINES && s.lines.iter().all(|l| l.product_id != id.0));
        if full {
            return Err(CartError::CartFull);
        }
        let catalogue = self.catalogue(cx, stored.as_ref(), Some(id)).await?;
        let product = sold(&catalogue, id)?;
        let seen = Seen { product: id, name: &product.name, price: view::money(product)? };

        let tx = self.db.begin().await?;
        if let Some(cart) = idempotency::begin(&tx, cx, ops::ADD, &item).await? {
            return Ok(cart);
        }
        store::add(&*tx, user, &seen, item.quantity, product.stock_quantity, self.life).await?;
        let cart = shown(&*tx, user, &catalogue).await?;
        idempotency::finish(&tx, cx, ops::ADD, &cart).await?;
        tx.commit().await?;
        Ok(cart)
    }

    async fn change(&self, cx: &Ctx, user: UserId, product_id: ProductId, change: ChangeItem) -> Result<Cart> {
        if change.quantity == 0 {
            return self.remove(cx, user, product_id).await;
        }
        let stored = store::load(self.db.read(), user).await?.ok_or(CartError::NotInCart)?;
        if stored.lines.iter().all(|line| line.product_id != product_id.0) {
            return Err(CartError::NotInCart);
        }
        let catalogue = self.catalogue(cx, Some(&stored), None).await?;
        let available = sold(&catalogue, product_id)?.stock_quantity;
        if change.quantity > available {
            return Err(CartError::InsufficientStock { requested: change.quantity, available });
        }
        let tx = self.db.begin().await?;
        store::set(&*tx, user, product_id, change.quantity, self.life).await?;
        let cart = shown(&*tx, user, &catalogue).await?;
        tx.commit().await?;
        Ok(cart)
    }

    async fn remove(&self, cx: &Ctx, user: UserId, product_id: ProductId) -> Result<Cart> {
        let tx = self.db.begin().await?;
        store::remove(&*tx, user, product_id, self.life).await?;
        let left = store::load(&*tx, user).await?;
        tx.commit().await?;
        match left {
            Some(stored) => self.show(cx, user, stored).await,
            None => Ok(view::empty()),
        }
    }

    async fn clear(&self, _: &Ctx, user: UserId) -> Result<Cleared> {
        store::clear(self.db.write(), user).await?;
        Ok(Cleared { message: "Cart cleared successfully".into() })
    }

    async fn validate(&self, cx: &Ctx, user: UserId) -> Result<Validation> {
        let Some(stored) = self.renewed(user).await? else {
            return Ok(Validation { cart: view::empty(), is_valid: false, validation_issues: Vec::new() });
        };
        let catalogue = self.catalogue(cx, Some(&stored), None).await?;
        let validation_issues = view::issues(&stored, &catalogue)?;
        store::see(self.db.write(), user, &view::changed(&stored, &catalogue)?).await?;
        let is_valid = validation_issues.is_empty();
        Ok(Validation { cart: view::cart(&stored, &catalogue)?, is_valid, validation_issues })
    }

    async fn snapshot(&self, _: &Ctx, user: UserId) -> Result<Snapshot> {
        let Some(Stored { cart, mut lines }) = store::load(self.db.read(), user).await? else {
            return Ok(Snapshot { lines: Vec::new(), version: 0 });
        };
        lines.sort_unstable_by_key(|line| line.product_id);
        let lines = lines.into_iter().map(|line| {
            let price = view::last_price(&line)?;
            Ok(SnapshotLine {
                product_id: ProductId(line.product_id),
                quantity: view::quantity(&line),
                product_name: line.product_name,
                unit_price: price.amount(),
                currency: price.currency,
            })
        });
        Ok(Snapshot { lines: lines.collect::<Result<_>>()?, version: cart.version })
    }

    async fn ordered(&self, _: &Ctx, user: UserId, version: CartVersion) -> Result<()> {
        Ok(store::clear_version(self.db.write(), user, version.version).await?)
    }
}

impl Carts {
    /// The cart, with a new life. A life that was renewed within the last minute is left as it is: reads are to be cheap.
    async fn renewed(&self, user: UserId) -> Result<Option<Stored>> {
        let Some(mut stored) = store::load(self.db.read(), user).await? else { return Ok(None) };
        let expires_at = now() + self.life;
        if stored.cart.expires_at < expires_at - TimeDelta::minutes(1) {
            store::touch(self.db.write(), user, expires_at).await?;
            stored.cart.expires_at = expires_at;
        }
        Ok(Some(stored))
    }

    /// The cart as it is now, or as it was last seen when products cannot be reached.
    async fn show(&self, cx: &Ctx, user: UserId, stored: Stored) -> Result<Cart> {
        // half of the time, so that there is some left to answer without the products
        let budget = cx.time_left()? / 2;
        let cx = Ctx::new(cx.principal(), budget).in_trace(cx.trace());
        let catalogue = match self.catalogue(&cx, Some(&stored), None).await {
            Err(fault) if matches!(fault.code(), Code::Unavailable | Code::DeadlineExceeded) => {
                Catalogue { products: HashMap::new(), stale: true }
            }
            answer => answer?,
        };
        store::see(self.db.write(), user, &view::changed(&stored, &catalogue)?).await?;
        Ok(view::cart(&stored, &catalogue)?)
    }

    /// The products of all lines, and one more, in one call.
    async fn catalogue(
        &self,
        cx: &Ctx,
        stored: Option<&Stored>,
        more: Option<ProductId>,
    ) -> std::result::Result<Catalogue, Fault> {
        let lines = stored.map_or(&[][..], |stored| &stored.lines);
        let ids = Ids::new(lines.iter().map(|line| ProductId(line.product_id)).chain(more));
        let mut products: HashMap<_, _> = ids.iter().flat_map(Ids::as_slice).map(|id| (*id, None)).collect();
        let query = ListProducts { ids, ..ListProducts::default() };
        let page = self.product.list(&cx.without_key(), query).await.map_err(|e| match e {
            ProductError::Fault(fault) => fault,
            e => Fault::internal(format_args!("list of products: {e}")),
        })?;
        products.extend(page.products.into_iter().map(|product| (product.id, Some(product))));
        Ok(Catalogue { products, stale: false })
    }
}

fn sold(catalogue: &Catalogue, id: ProductId) -> Result<&Product> {
    catalogue.products.get(&id).and_then(Option::as_ref).ok_or(CartError::ProductNotFound)
}

/// The cart after a change, in the transaction of the change.
async fn shown(tx: &impl ConnectionTrait, user: UserId, catalogue: &Catalogue) -> Result<Cart> {
    let Some(stored) = store::load(tx, user).await? else { return Ok(view::empty()) };
    store::see(tx, user, &view::changed(&stored, catalogue)?).await?;
    Ok(view::cart(&stored, catalogue)?)
}
