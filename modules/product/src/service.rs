//! The implementation of [`ProductApi`].

use crate::{
    Category, CategoryId, HeldLine, Hold, HoldRequest, ListProducts, NewCategory, NewProduct, Product, ProductApi, ProductChange,
    ProductError, ProductId, ProductPage, SetStock, Shortage,
    entity::{category, hold, hold_line, product},
    ops, rules,
    sort_key::sort_key,
    store::{self, Movement},
};
use kernel::{
    Ctx, Currency, Fault, Money, OrderId, Page,
    db::{Db, Tx},
    idempotency::{self, Begun},
    now,
};
use sea_orm::Set;

/// The catalogue, on a database.
#[derive(Clone)]
pub struct Products {
    pub(crate) db: Db,
    pub(crate) currency: Currency,
}

type Result<T> = std::result::Result<T, ProductError>;

impl ProductApi for Products {
    async fn list(&self, _: &Ctx, query: ListProducts) -> Result<ProductPage> {
        let db = self.db.read();
        let all = query.ids.as_ref().map_or(10, |ids| ids.as_slice().len().max(1) as u32);
        let page = Page::of(query.page, query.per_page, all);
        let categories = match query.category_id {
            Some(root) => Some(rules::below(root, &store::parents(db).await?).into_iter().collect()),
            None => None,
        };
        let minor = |pointer: &str, amount: Option<kernel::AmountText>| {
            amount.map(|amount| rules::money(pointer, amount.0, self.currency).map(|money| money.minor)).transpose()
        };
        let (min, max) = (minor("/min_price", query.min_price)?, minor("/max_price", query.max_price)?);
        let filter = store::filter(&query, categories, min, max);
        let rows = store::page(db, &filter, page);
        let (rows, total) = if page.number() == 1 && query.ids.is_some() && page.per_page() >= all {
            // there cannot be more than were asked for
            let rows = rows.await?;
            let total = rows.len() as u64;
            (rows, total)
        } else {
            tokio::try_join!(rows, store::count(db, &filter))?
        };
        let products = rows.into_iter().map(to_product).collect::<Result<_>>()?;
        Ok(ProductPage { products, pagination: page.of_total(total) })
    }

    async fn get(&self, _: &Ctx, id: ProductId) -> Result<Product> {
        store::product(self.db.read(), id).await?.ok_or(ProductError::NotFound).and_then(to_product)
    }

    async fn create(&self, cx: &Ctx, new: NewProduct) -> Result<Product> {
        let price = rules::price(new.price, new.currency, self.currency)?;
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.category_id, "/category_id").await?;
        let product = to_product(store::insert(&*tx, new_row(new, price)).await?)?;
        held.finish(&tx, &product).await?;
        tx.commit().await?;
        Ok(product)
    }

    async fn change(&self, _: &Ctx, id: ProductId, change: ProductChange) -> Result<Product> {
        let price = rules::price(change.price, None, self.currency)?;
        let tx = self.db.begin().await?;
        self.must_exist(&tx, change.category_id, "/category_id").await?;
        let row = product::ActiveModel {
            name_lower: Set(change.name.to_lowercase()),
            name_key: Set(Some(sort_key(&change.name))),
            name: Set(change.name.into()),
            description: Set(change.description.map(String::from).unwrap_or_default()),
            price_minor: Set(price.minor),
            category_id: Set(change.category_id.map(|id| id.0)),
            updated_at: Set(now()),
            ..Default::default()
        };
        let product = store::update(&*tx, id, row).await?.ok_or(ProductError::NotFound).and_then(to_product)?;
        tx.commit().await?;
        Ok(product)
    }

    async fn delete(&self, _: &Ctx, id: ProductId) -> Result<()> {
        let row = product::ActiveModel { deleted_at: Set(Some(now())), ..Default::default() };
        store::update(self.db.write(), id, row).await?.map(drop).ok_or(ProductError::NotFound)
    }

    async fn set_stock(&self, _: &Ctx, id: ProductId, stock: SetStock) -> Result<Product> {
        let row = product::ActiveModel { stock_quantity: Set(stock.quantity), updated_at: Set(now()), ..Default::default() };
        store::update(self.db.write(), id, row).await?.ok_or(ProductError::NotFound).and_then(to_product)
    }

    async fn categories(&self, _: &Ctx) -> Result<Vec<Category>> {
        Ok(store::categories(self.db.read()).await?.into_iter().map(to_category).collect())
    }

    async fn category(&self, _: &Ctx, id: CategoryId) -> Result<Category> {
        store::category(self.db.read(), id).await?.map(to_category).ok_or(ProductError::CategoryNotFound)
    }

    async fn create_category(&self, cx: &Ctx, new: NewCategory) -> Result<Category> {
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::CREATE_CATEGORY, &new).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        self.must_exist(&tx, new.parent_id, "/parent_id").await?;
        let category = to_category(store::insert_category(&*tx, &new).await?);
        held.finish(&tx, &category).await?;
        tx.commit().await?;
        Ok(category)
    }

    async fn change_category(&self, _: &Ctx, id: CategoryId, change: NewCategory) -> Result<Category> {
        let tx = self.db.begin().await?;
        store::category(&*tx, id).await?.ok_or(ProductError::CategoryNotFound)?;
        self.must_exist(&tx, change.parent_id, "/parent_id").await?;
        let below = rules::below(id, &store::parents(&*tx).await?);
        if change.parent_id.is_some_and(|parent| below.contains(&parent.0)) {
            return Err(Fault::invalid("/parent_id", "must not be the category itself or one below it").into());
        }
        let category = to_category(store::update_category(&*tx, id, &change).await?);
        tx.commit().await?;
        Ok(category)
    }

    async fn delete_category(&self, _: &Ctx, id: CategoryId) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::category_is_used(&*tx, id).await? {
            return Err(ProductError::CategoryNotEmpty);
        }
        if !store::delete_category(&*tx, id).await? {
            return Err(ProductError::CategoryNotFound);
        }
        Ok(tx.commit().await?)
    }

    async fn hold(&self, _: &Ctx, order: OrderId, request: HoldRequest) -> Result<Hold> {
        let lines = rules::lines(request.lines)?;
        let tx = self.db.begin().await?;
        let hold = hold::Model { order_id: order.0, status: hold::Status::Held, expires_at: request.expires_at };
        if !store::insert_hold(&*tx, hold.clone()).await? {
            let hold = store::hold(&*tx, order).await?.ok_or_else(|| Fault::internal("a hold vanished"))?;
            let held = store::hold_lines(&*tx, order).await?;
            let same =
                held.iter().map(|l| (l.product_id, l.quantity)).eq(lines.iter().map(|l| (l.product_id.0, l.quantity.into())));
            if hold.status != hold::Status::Held || !same {
                return Err(ProductError::HoldEnded);
            }
            return self.to_hold(hold, held);
        }
        let reserved = store::reserve(&*tx, &lines).await?;
        if reserved.len() != lines.len() {
            // locked by the write that left them out
            let products = store::products(&*tx, &lines).await?;
            let short = lines.iter().filter(|line| reserved.iter().all(|p| p.id != line.product_id.0));
            let shortages = short.map(|line| {
                let product = products.iter().find(|p| p.id == line.product_id.0);
                let available = product.map_or(0, |p| to_quantity(p.stock_quantity));
                Shortage { product_id: line.product_id, requested: line.quantity, available }
            });
            return Err(ProductError::OutOfStock { lines: shortages.collect() });
        }
        // as many products as lines, both sorted by id
        let held: Vec<_> = std::iter::zip(reserved, &lines)
            .map(|(product, line)| hold_line::Model {
                order_id: order.0,
                product_id: product.id,
                quantity: line.quantity.into(),
                name: product.name,
                unit_price_minor: product.price_minor,
            })
            .collect();
        store::insert_hold_lines(&*tx, &held).await?;
        tx.commit().await?;
        self.to_hold(hold, held)
    }

    async fn commit(&self, _: &Ctx, order: OrderId) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::move_hold(&*tx, order, hold::Status::Held, hold::Status::Committed).await? {
            store::move_stock(&*tx, &[order], Movement::Sell).await?;
            return Ok(tx.commit().await?);
        }
        match store::hold(&*tx, order).await?.map(|hold| hold.status) {
            Some(hold::Status::Committed) => Ok(()),
            _ => Err(ProductError::HoldEnded),
        }
    }

    async fn release(&self, _: &Ctx, order: OrderId) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::move_hold(&*tx, order, hold::Status::Held, hold::Status::Released).await? {
            store::move_stock(&*tx, &[order], Movement::Free).await?;
        } else if store::move_hold(&*tx, order, hold::Status::Committed, hold::Status::Released).await? {
            store::move_stock(&*tx, &[order], Movement::Return).await?;
        } else if store::hold(&*tx, order).await?.is_none() {
            // so that a hold that comes late finds that its order has given up
            let gone = hold::Model { order_id: order.0, status: hold::Status::Released, expires_at: self.db.now() };
            if !store::insert_hold(&*tx, gone).await? {
                return Err(Fault::unavailable("The stock of the order is just being held", "a hold came in between").into());
            }
        }
        Ok(tx.commit().await?)
    }
}

impl Products {
    async fn must_exist(&self, tx: &Tx, category: Option<CategoryId>, pointer: &str) -> Result<()> {
        match category {
            Some(id) if store::category(&**tx, id).await?.is_none() => {
                Err(Fault::invalid(pointer, "must be an existing category").into())
            }
            _ => Ok(()),
        }
    }

    fn to_hold(&self, hold: hold::Model, lines: Vec<hold_line::Model>) -> Result<Hold> {
        let currency = self.currency;
        let lines = lines.into_iter().map(|line| HeldLine {
            product_id: ProductId(line.product_id),
            name: line.name,
            unit_price: Money { minor: line.unit_price_minor, currency }.amount(),
            quantity: to_quantity(line.quantity),
        });
        Ok(Hold { order_id: OrderId(hold.order_id), currency, lines: lines.collect(), expires_at: hold.expires_at })
    }

    /// Makes the keys that names are sorted by, for products of the release that knew none; returns of how many.
    pub(crate) async fn make_name_keys(&self) -> std::result::Result<usize, Fault> {
        let unsorted = store::without_name_key(self.db.read(), 500).await?;
        if !unsorted.is_empty() {
            let keys: Vec<_> = unsorted.into_iter().map(|(id, name)| (id, sort_key(&name))).collect();
            store::set_name_keys(self.db.write(), &keys).await?;
            return Ok(keys.len());
        }
        Ok(0)
    }

    /// Frees the stock of orders that took too long; returns of how many.
    pub(crate) async fn expire_holds(&self) -> std::result::Result<usize, Fault> {
        let tx = self.db.begin().await?;
        let expired = store::expire_holds(&*tx, self.db.now(), 100).await?;
        if !expired.is_empty() {
            store::move_stock(&*tx, &expired, Movement::Free).await?;
            tx.commit().await?;
        }
        Ok(expired.len())
    }
}

pub(crate) fn new_row(new: NewProduct, price: Money) -> product::ActiveModel {
    let now = now();
    product::ActiveModel {
        name_lower: Set(new.name.to_lowercase()),
        name_key: Set(Some(sort_key(&new.name))),
        name: Set(new.name.into()),
        description: Set(new.description.map(String::from).unwrap_or_default()),
        price_minor: Set(price.minor),
        currency: Set(price.currency.to_string()),
        category_id: Set(new.category_id.map(|id| id.0)),
        stock_quantity: Set(new.stock_quantity),
        reserved: Set(0),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
        ..Default::default()
    }
}

fn to_product(row: product::Model) -> Result<Product> {
    let currency = row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of product {}: {e}", row.id)))?;
    Ok(Product {
        id: ProductId(row.id),
        name: row.name,
        description: row.description,
        price: Money { minor: row.price_minor, currency }.amount(),
        currency,
        category_id: row.category_id.map(CategoryId),
        stock_quantity: to_quantity(row.stock_quantity),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn to_category(row: category::Model) -> Category {
    Category { id: CategoryId(row.id), name: row.name, parent_id: row.parent_id.map(CategoryId) }
}

/// The store's checks keep it within the range.
fn to_quantity(quantity: i64) -> u32 {
    u32::try_from(quantity).unwrap_or_default()
}
