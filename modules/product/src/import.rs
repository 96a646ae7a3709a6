//! Imports products from a CSV file: checks all of it, and then writes it in batches, if nothing is wrong.
//!
//! Each batch is a transaction, and a product that is as the file says is not written: an import that broke off is completed by the same
//! file.

mod job;
pub(crate) mod plan;

pub use crate::store::imports::{ImportCounts, ImportOptions};

use crate::{
    StockLow, WrongRow,
    context::Products,
    csv::{
        columns::Columns,
        records::Pieces,
        rows::{Batch, Rows, Shop},
    },
    entity::{attribute, category, stock_item},
    low::{became_low, fallen_to},
    store::{
        self, attributes,
        bulk::{self, Plan},
    },
};
use kernel::{BoxError, Ctx, Fault, UserId, now, outbox};
use plan::Comparison;
use std::{collections::HashMap, fs::File, os::unix::fs::FileExt, time::Duration};

/// Is told how an import goes on.
pub(crate) trait Watcher: Send {
    /// Something is wrong in the file.
    fn wrong(&mut self, row: WrongRow);

    /// A batch was checked or, if `is_writing`, written.
    ///
    /// # Errors
    /// When the import must not go on.
    fn reached(&mut self, counts: ImportCounts, is_writing: bool) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// How often a batch is tried in which others took slugs or SKUs.
const ATTEMPTS: usize = 5;

impl Products {
    /// Imports a CSV file, for a command. `wrong` receives what is wrong in the file, and `progress` how far the import is, with whether
    /// it has begun to write.
    ///
    /// # Errors
    /// When the file cannot be read or the store fails: what was written stays, and the same file completes it.
    pub async fn import_file(
        &self,
        file: &File,
        options: ImportOptions,
        wrong: impl FnMut(WrongRow) + Send,
        progress: impl FnMut(ImportCounts, bool) + Send,
    ) -> Result<ImportCounts, BoxError> {
        Ok(self.import(file, options, None, &mut Told(wrong, progress)).await?)
    }

    /// Imports a file on behalf of a user.
    ///
    /// # Errors
    /// When the file or the store fails, or the watcher ends it.
    pub(crate) async fn import(
        &self,
        file: &impl Pieces,
        options: ImportOptions,
        user: Option<UserId>,
        watcher: &mut impl Watcher,
    ) -> Result<ImportCounts, Fault> {
        let checked = self.run(file, options, user, watcher, None).await?;
        if checked.wrong > 0 {
            // nothing was imported, and nothing would be
            return Ok(ImportCounts { rows: checked.rows, done: checked.done, wrong: checked.wrong, ..ImportCounts::default() });
        }
        if options.dry_run {
            return Ok(checked);
        }
        self.run(file, options, user, watcher, Some(checked.rows)).await
    }

    /// Goes through the file: checks it or, when it has been found to have this many rows, writes it.
    async fn run(
        &self,
        file: &impl Pieces,
        options: ImportOptions,
        user: Option<UserId>,
        watcher: &mut impl Watcher,
        writes: Option<u64>,
    ) -> Result<ImportCounts, Fault> {
        let mut counts = ImportCounts { rows: writes.unwrap_or_default(), ..ImportCounts::default() };
        let db = self.db.read();
        let shop = self.shop(store::categories(db).await?, attributes::all(db).await?);
        let mut rows = match Rows::begin(file, &shop).await? {
            Ok(rows) => rows,
            Err(wrong) => {
                counts.wrong = wrong.len() as u64;
                wrong.into_iter().for_each(|row| watcher.wrong(row));
                return Ok(counts);
            }
        };
        loop {
            let mut batch = rows.batch().await?;
            if batch.rows == 0 {
                return Ok(counts);
            }
            let outcomes = if writes.is_some() {
                self.write_batch(&mut batch, rows.columns(), options, user).await?
            } else {
                let found = bulk::find(db, slugs(&batch), skus(&batch), options.set_stock, false).await?;
                let columns = rows.columns();
                plans(Comparison { shop: &shop, columns, found: &found, set_stock: options.set_stock, now: now() }, &mut batch)?
                    .iter()
                    .map(Outcome::of)
                    .collect()
            };
            counts.wrong += batch.wrong.len() as u64;
            batch.wrong.sort_by_key(|row| row.line);
            batch.wrong.into_iter().for_each(|row| watcher.wrong(row));
            if counts.wrong > 0 && writes.is_some() {
                return Ok(counts);
            }
            let added = outcomes.iter().filter(|outcome| **outcome == Outcome::Added).count() as u64;
            counts.added += added;
            counts.changed += outcomes.len() as u64 - added;
            counts.unchanged += (batch.items.len() - outcomes.len()) as u64;
            counts.done += batch.rows;
            counts.rows = counts.rows.max(counts.done);
            watcher.reached(counts, writes.is_some()).await?;
        }
    }

    /// What the rows of files refer to.
    pub(crate) fn shop(&self, categories: Vec<category::Model>, attributes: Vec<attribute::Model>) -> Shop {
        Shop {
            currency: self.currency,
            by_slug: categories.iter().filter_map(|row| Some((row.slug.clone()?, row.id))).collect(),
            categories: categories.into_iter().map(|row| (row.id, row)).collect(),
            attributes: attributes.into_iter().map(|row| (row.code.clone(), row)).collect(),
        }
    }

    /// Writes a batch in a transaction, unless something is wrong in it: others may have changed the catalogue since it was checked.
    async fn write_batch(
        &self,
        batch: &mut Batch,
        columns: &Columns,
        options: ImportOptions,
        user: Option<UserId>,
    ) -> Result<Vec<Outcome>, Fault> {
        for _ in 0..ATTEMPTS {
            let tx = self.db.begin().await?;
            let found = bulk::find(&*tx, slugs(batch), skus(batch), options.set_stock, true).await?;
            if columns.attributes().next().is_some() {
                attributes::share(&*tx, columns.attributes()).await?;
            }
            let shop = self.shop(store::categories(&*tx).await?, attributes::all(&*tx).await?);
            let mut plans =
                plans(Comparison { shop: &shop, columns, found: &found, set_stock: options.set_stock, now: now() }, batch)?;
            if !batch.wrong.is_empty() || plans.is_empty() {
                return Ok(Vec::new());
            }
            let outcomes = plans.iter().map(Outcome::of).collect();
            if let Some(moved) = bulk::write(&*tx, &mut plans, user).await? {
                for some in low(&plans, moved)?.chunks(500) {
                    outbox::publish_all(&tx, &Ctx::anonymous(Duration::from_secs(60)), some).await?;
                }
                tx.commit().await?;
                return Ok(outcomes);
            }
            // another request has just taken a slug or a SKU: what it has written is found now
        }
        Err(Fault::unavailable("The catalogue is changed by too many at once", "a batch of an import lost every attempt"))
    }
}

#[derive(PartialEq)]
enum Outcome {
    Added,
    Changed,
}

impl Outcome {
    fn of(plan: &Plan) -> Self {
        if plan.before.is_none() { Self::Added } else { Self::Changed }
    }
}

/// What is to be written of the products of a batch.
fn plans(comparison: Comparison, batch: &mut Batch) -> Result<Vec<Plan>, Fault> {
    let mut plans = Vec::new();
    for item in &batch.items {
        plans.extend(comparison.plan(item, &mut batch.wrong)?);
    }
    Ok(plans)
}

fn slugs(batch: &Batch) -> Vec<String> {
    batch.items.iter().filter_map(|item| item.slug.as_ref()).map(ToString::to_string).collect()
}

/// The SKUs of a batch, in lower case.
fn skus(batch: &Batch) -> Vec<String> {
    let specs = batch.items.iter().flat_map(|item| &item.rows).filter_map(|row| row.spec.as_ref());
    specs.filter_map(|spec| spec.sku.as_ref()).map(|sku| sku.to_lowercase()).collect()
}

/// What became low by these movements.
fn low(plans: &[Plan], mut moved: Vec<(stock_item::Model, i64)>) -> Result<Vec<StockLow>, Fault> {
    moved.retain(|(item, pieces)| fallen_to(item, *pieces).is_some());
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let variants = plans
        .iter()
        .flat_map(|plan| plan.gone.iter().chain(plan.living()).map(|variant| (variant.id, (variant, plan.after.name.as_str()))));
    let variants: HashMap<_, _> = variants.collect();
    let low = moved.iter().filter_map(|(item, pieces)| {
        let (variant, name) = variants.get(&item.variant_id)?;
        became_low(item, *pieces, variant, name).transpose()
    });
    low.collect()
}

/// A watcher that tells a command.
struct Told<W, P>(W, P);

impl<W: FnMut(WrongRow) + Send, P: FnMut(ImportCounts, bool) + Send> Watcher for Told<W, P> {
    fn wrong(&mut self, row: WrongRow) {
        self.0(row);
    }

    async fn reached(&mut self, counts: ImportCounts, is_writing: bool) -> Result<(), Fault> {
        self.1(counts, is_writing);
        Ok(())
    }
}

/// A file of this machine.
impl Pieces for File {
    async fn piece(&self, number: u64) -> Result<Vec<u8>, Fault> {
        const SIZE: usize = 1 << 18;
        let mut piece = vec![0; SIZE];
        let mut length = 0;
        while length < SIZE {
            match self.read_at(&mut piece[length..], number * SIZE as u64 + length as u64).map_err(Fault::internal)? {
                0 => break,
                read => length += read,
            }
        }
        piece.truncate(length);
        Ok(piece)
    }
}
