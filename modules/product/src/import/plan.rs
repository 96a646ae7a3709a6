//! What an import would change of a product, or what is wrong with it. Pure functions.

use crate::{
    AttributeValues, CategoryId, MAX_QUANTITY, ProductId, ProductStatus, SetVariant, VariantId, WrongRow,
    attributes::{Values, has_required, index_of},
    csv::{
        columns::{Column, Columns},
        rows::{Item, Row, Shop, fields, refuse, refuse_fields},
    },
    entity::{product, product_attribute, stock_item, variant},
    rules::{self, Wanted},
    store::bulk::{Found, Plan, applied, empty},
};
use kernel::{
    Fault,
    chrono::{DateTime, Utc},
};
use std::collections::{HashMap, HashSet};

/// What the products of a batch are compared with.
pub(crate) struct Comparison<'a> {
    pub(crate) shop: &'a Shop,
    pub(crate) columns: &'a Columns,
    pub(crate) found: &'a Found,
    /// Whether the stock of variants that exist is set.
    pub(crate) set_stock: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Comparison<'_> {
    /// What is to be written of a product; `None` if that is nothing, or something is wrong.
    ///
    /// # Errors
    /// When what the store has cannot be read.
    pub(crate) fn plan(&self, item: &Item, wrong: &mut Vec<WrongRow>) -> Result<Option<Plan>, Fault> {
        let errors = wrong.len();
        let Item { line, slug, patch, rows } = item;
        let line = *line;
        let before = slug.as_ref().and_then(|slug| self.found.product(slug.as_str()));
        let before = match before {
            Some(product) if product.slug.as_deref() != slug.as_ref().map(|slug| slug.as_str()) => {
                let now = product.slug.as_deref().unwrap_or_default();
                refuse(wrong, line, &Column::Slug, format!("was the slug of the product {now} before: use that one"));
                return Ok(None);
            }
            before => before,
        };
        self.refuse_skus(before, rows, wrong);
        let start =
            before.cloned().unwrap_or_else(|| empty(self.shop.currency, slug.as_ref().map(ToString::to_string), self.now));
        if before.is_none() && !self.columns.has(&Column::Name) {
            refuse(wrong, line, &Column::Name, "must be there: the product is new");
        }
        let (mut after, tags, index) = match patch.clone() {
            None => (start.clone(), None, None),
            Some(mut patch) => {
                refuse_fields(wrong, line, rules::tags(patch.tags.as_deref().unwrap_or_default()))?;
                let changes = patch.attributes.take().flatten().map(Values::Changed);
                let tags = patch.tags.clone();
                let now: AttributeValues = rules::stored(&start.attributes)?;
                let values = match changes.map(|changes| changes.of(now.clone())).transpose() {
                    Ok(values) => values.filter(|values| *values != now),
                    Err(fault) => {
                        refuse_fields(wrong, line, Err(fault))?;
                        None
                    }
                };
                let after = applied(start.clone(), patch, values.as_ref().map(rules::to_stored).transpose()?);
                let index = values.as_ref().map(|values| self.index(line, values, wrong)).transpose()?;
                refuse_fields(wrong, line, rules::publication(after.published_from, after.published_until))?;
                self.refuse_incomplete(line, before, &after, values.as_ref().unwrap_or(&now), wrong)?;
                let tags = tags.filter(|_| after.tags != start.tags);
                (after, tags, index)
            }
        };
        let variants = self.variants(line, before, &start, rows, wrong)?;
        if wrong.len() > errors {
            return Ok(None);
        }
        let Sorted { gone, changed, new, same, counted } = variants;
        if before.is_none() {
            after.stock_quantity = new.iter().map(|(_, pieces)| pieces).sum();
        }
        let mut plan =
            Plan { before: before.cloned(), after, tags, index, gone, changed, new, same, counted, options: Vec::new() };
        let lowest = plan.living().map(|variant| variant.price_minor).min();
        plan.after.price_minor = lowest.unwrap_or(plan.after.price_minor);
        if plan.is_nothing() {
            return Ok(None);
        }
        if let Some(before) = &plan.before
            && (plan.has_variants() || plan.after != *before)
        {
            plan.after.version += 1;
            plan.after.updated_at = self.now;
        }
        if plan.has_variants() {
            plan.options = plan.living().map(|variant| rules::stored(&variant.options)).collect::<Result<_, _>>()?;
        }
        Ok(Some(plan))
    }

    /// Refuses SKUs that variants of other products have.
    fn refuse_skus(&self, product: Option<&product::Model>, rows: &[Row], wrong: &mut Vec<WrongRow>) {
        for row in rows {
            let sku = row.spec.as_ref().and_then(|spec| spec.sku.as_ref());
            let owner = sku.and_then(|sku| self.found.owner(&sku.to_lowercase()));
            if owner.is_some_and(|owner| product.is_none_or(|product| product.id != owner)) {
                refuse(wrong, row.line, &Column::Sku, "is that of a variant of another product");
            }
        }
    }

    fn index(
        &self,
        line: u64,
        values: &AttributeValues,
        wrong: &mut Vec<WrongRow>,
    ) -> Result<Vec<product_attribute::Model>, Fault> {
        let mut index = Vec::new();
        for (code, value) in values {
            match index_of(code, value, self.shop.attributes.get(code.as_str())) {
                Ok(rows) => index.extend(rows),
                Err(fault) => refuse_fields(wrong, line, Err(fault))?,
            }
        }
        Ok(index)
    }

    /// Refuses what is active and lacks attributes that its category requires, if the import has to do with it.
    fn refuse_incomplete(
        &self,
        line: u64,
        before: Option<&product::Model>,
        after: &product::Model,
        values: &AttributeValues,
        wrong: &mut Vec<WrongRow>,
    ) -> Result<(), Fault> {
        let has_to_do = before.is_none_or(|before| {
            (&before.attributes, before.category_id, before.status) != (&after.attributes, after.category_id, after.status)
        });
        if let Some(category) = after.category_id
            && has_to_do
            && ProductStatus::from(after.status) == ProductStatus::Active
        {
            refuse_fields(wrong, line, has_required(CategoryId(category), values, &self.shop.categories))?;
        }
        Ok(())
    }

    fn variants(
        &self,
        line: u64,
        before: Option<&product::Model>,
        product: &product::Model,
        rows: &[Row],
        wrong: &mut Vec<WrongRow>,
    ) -> Result<Sorted, Fault> {
        let errors = wrong.len();
        let all = before.map(|product| self.found.variants(product.id)).unwrap_or_default();
        let living = || all.iter().filter(|variant| variant.deleted_at.is_none());
        if !self.columns.has_variants() {
            if before.is_none() {
                refuse(wrong, line, &Column::Price, "must be there: the product is new");
            }
            return Ok(Sorted { same: living().cloned().collect(), ..Sorted::default() });
        }
        let (lines, mut specs): (Vec<u64>, Vec<SetVariant>) =
            rows.iter().filter_map(|row| Some((row.line, row.spec.clone()?))).unzip();
        if before.is_none() && !self.columns.has(&Column::Price) {
            refuse(wrong, line, &Column::Price, "must be there: the product is new");
        }
        if before.is_some() {
            self.recognise(&living().collect::<Vec<_>>(), &lines, &mut specs, wrong)?;
        }
        let (mut wanted, mut at) = (Vec::new(), Vec::new());
        for (line, one) in std::iter::zip(lines, rules::each_variant(specs, self.shop.currency)) {
            match one {
                Ok(one) => {
                    wanted.push(one);
                    at.push(line);
                }
                Err(fault) => refuse_variant(wrong, line, fault)?,
            }
        }
        if before.is_some() && wrong.len() == errors {
            rules::identify(&mut wanted, ProductId(product.id), all)?;
        }
        let existing: HashMap<i64, &variant::Model> = all.iter().map(|variant| (variant.id, variant)).collect();
        let mut sorted = Sorted::default();
        let mut kept = HashSet::new();
        for ((position, line), mut one) in std::iter::zip((0..).zip(at), wanted) {
            let pieces = one.spec.stock_quantity;
            match one.spec.id.and_then(|id| existing.get(&id.0)) {
                None => {
                    sorted.new.push((one.add(product, position, self.now), pieces.unwrap_or_default()));
                }
                Some(known) => {
                    kept.insert(known.id);
                    self.keep_others(&mut one, known);
                    self.count(line, known, pieces, &mut sorted.counted, wrong);
                    match one.change(known, position, self.now) {
                        Some(changed) => sorted.changed.push(changed),
                        None => sorted.same.push((*known).clone()),
                    }
                }
            }
        }
        sorted.gone = living().filter(|variant| !kept.contains(&variant.id)).cloned().collect();
        Ok(sorted)
    }

    /// Finds out which variants are meant by their SKUs, and without columns of options, by being the only one.
    fn recognise(
        &self,
        living: &[&variant::Model],
        lines: &[u64],
        specs: &mut [SetVariant],
        wrong: &mut Vec<WrongRow>,
    ) -> Result<(), Fault> {
        let has_options = self.columns.has_options();
        let by_sku: HashMap<&str, &&variant::Model> =
            living.iter().filter_map(|variant| Some((variant.sku_key.as_deref()?, variant))).collect();
        let is_alone = specs.len() == 1;
        for (line, spec) in std::iter::zip(lines, specs) {
            let key = spec.sku.as_ref().map(|sku| sku.to_lowercase());
            let known = key.and_then(|key| by_sku.get(key.as_str()).copied());
            let known = match (known, living) {
                (None, [only]) if is_alone && !has_options => Some(only),
                (known, _) => known,
            };
            match known {
                Some(variant) if !has_options => {
                    spec.options = rules::stored(&variant.options)?;
                    spec.id = Some(VariantId(variant.id));
                }
                None if !has_options => {
                    refuse(
                        wrong,
                        *line,
                        &Column::Sku,
                        "must be that of a variant of this product, as there are no columns of options",
                    );
                }
                // a product that loses its options keeps the variant that has its id
                Some(variant) if !(is_alone && spec.options.is_empty()) => spec.id = Some(VariantId(variant.id)),
                _ => {}
            }
        }
        Ok(())
    }

    /// What is not in the file stays as it is.
    fn keep_others(&self, one: &mut Wanted, known: &variant::Model) {
        let spec = &mut one.spec;
        let mut keep = |column: Column, keep: &mut dyn FnMut(&mut SetVariant)| {
            if !self.columns.has(&column) {
                keep(spec);
            }
        };
        keep(Column::Sku, &mut |spec| spec.sku = known.sku.as_deref().map(Into::into));
        keep(Column::Gtin, &mut |spec| spec.gtin.clone_from(&known.gtin));
        keep(Column::WeightGrams, &mut |spec| spec.weight_grams = known.weight_grams);
        keep(Column::LengthMm, &mut |spec| spec.length_mm = known.length_mm);
        keep(Column::WidthMm, &mut |spec| spec.width_mm = known.width_mm);
        keep(Column::HeightMm, &mut |spec| spec.height_mm = known.height_mm);
    }

    /// Notes the stock of a variant that exists, if it is to be set and is another one.
    fn count(
        &self,
        line: u64,
        known: &variant::Model,
        pieces: Option<i64>,
        counted: &mut Vec<(stock_item::Model, i64)>,
        wrong: &mut Vec<WrongRow>,
    ) {
        let item = self.found.item(known.id).filter(|_| self.set_stock);
        if let (Some(item), Some(pieces)) = (item, pieces)
            && item.available != pieces
        {
            if pieces > item.available && pieces + item.held > i64::from(MAX_QUANTITY) {
                let reason = format!("must be at most {MAX_QUANTITY}, with the {} pieces that orders hold", item.held);
                refuse(wrong, line, &Column::StockQuantity, reason);
            }
            counted.push((item.clone(), pieces));
        }
    }
}

/// The variants of a product, by what happens to them.
#[derive(Default)]
struct Sorted {
    gone: Vec<variant::Model>,
    changed: Vec<variant::Model>,
    new: Vec<(variant::Model, i64)>,
    same: Vec<variant::Model>,
    counted: Vec<(stock_item::Model, i64)>,
}

/// Notes what is wrong with a variant: a pointer is `/variants/0/options`, and the number is its row.
fn refuse_variant(wrong: &mut Vec<WrongRow>, line: u64, fault: Fault) -> Result<(), Fault> {
    for (pointer, reason) in fields(Err(fault))? {
        let column = match pointer.rsplit('/').next() {
            Some("options") => Column::OptionValue(0).to_string(),
            member => member.unwrap_or_default().into(),
        };
        wrong.push(WrongRow { line, column: Some(column), reason });
    }
    Ok(())
}
