//! Products from the records of a file: what its rows say, if each cell is what its column allows.

use super::{
    cells,
    columns::{Column, Columns},
    records::{Broken, Pieces, Record, Records},
};
use crate::{
    AttributeChanges, AttributeCode, AttributeValue, CategoryId, MAX_VARIANTS, Number, OptionOf, ProductPatch, ProductStatus,
    SetVariant, Slug, WrongRow,
    entity::{
        attribute::{self, Kind},
        category,
    },
};
use kernel::{
    Amount, Currency, Fault,
    chrono::{DateTime, Utc},
    validate,
};
use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

/// What the rows of a file refer to.
pub(crate) struct Shop {
    pub(crate) currency: Currency,
    pub(crate) categories: HashMap<i64, category::Model>,
    /// Their ids by their slugs.
    pub(crate) by_slug: HashMap<String, i64>,
    pub(crate) attributes: HashMap<String, attribute::Model>,
}

impl Shop {
    /// How a category is named in a file.
    pub(crate) fn slug_of(&self, category: i64) -> &str {
        self.categories.get(&category).and_then(|category| category.slug.as_deref()).unwrap_or_default()
    }
}

/// What a file says of a product.
pub(crate) struct Item {
    /// The line of its first row.
    pub(crate) line: u64,
    /// `None` if it is wrong.
    pub(crate) slug: Option<Slug>,
    /// What the columns of products say; `None` if something of it is wrong.
    pub(crate) patch: Option<ProductPatch>,
    pub(crate) rows: Vec<Row>,
}

/// What a row says of a variant.
pub(crate) struct Row {
    pub(crate) line: u64,
    /// `None` if something of it is wrong.
    pub(crate) spec: Option<SetVariant>,
}

/// Products that follow each other in a file.
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    /// Rows of the file.
    pub(crate) rows: u64,
    pub(crate) wrong: Vec<WrongRow>,
}

/// The most products of a batch.
const MOST_PRODUCTS: usize = 250;
/// The most rows of a batch, but for those of its last product. SQLite takes 32,766 values in a statement.
const MOST_ROWS: u64 = 1_000;
/// The most bytes of a batch, but for its last product.
const MOST_BYTES: usize = 4_000_000;

/// Reads the products of a file.
pub(crate) struct Rows<'a, P> {
    records: Records<'a, P>,
    columns: Columns,
    shop: &'a Shop,
    /// The first row of the next product.
    next: Option<Record>,
    /// The lines in which slugs and SKUs, by their hashes, were first.
    slugs: Seen,
    skus: Seen,
}

#[derive(Default)]
struct Seen(HashMap<u64, u64>, RandomState);

impl Seen {
    /// Notes a text, and returns the line in which it was before.
    fn before(&mut self, text: &str, line: u64) -> Option<u64> {
        let hash = self.1.hash_one(text);
        let before = self.0.get(&hash).copied();
        self.0.entry(hash).or_insert(line);
        before
    }
}

impl<'a, P: Pieces> Rows<'a, P> {
    /// Reads the first row, which names the columns.
    ///
    /// # Errors
    /// When the file cannot be read. In the result: what is wrong with the columns.
    pub(crate) async fn begin(pieces: &'a P, shop: &'a Shop) -> Result<Result<Self, Vec<WrongRow>>, Fault> {
        let mut records = Records::new(pieces);
        let first = match records.next().await? {
            Some(Ok(first)) => first,
            Some(Err(broken)) => return Ok(Err(vec![to_wrong(broken, None)])),
            None => {
                let reason = "must name the columns: the file is empty".into();
                return Ok(Err(vec![WrongRow { line: 1, column: None, reason }]));
            }
        };
        let columns = match Columns::read(&first, |code| shop.attributes.contains_key(code.as_str())) {
            Ok(columns) => columns,
            Err(wrong) => return Ok(Err(wrong)),
        };
        Ok(Ok(Self { records, columns, shop, next: None, slugs: Seen::default(), skus: Seen::default() }))
    }

    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The next products; none after the last ones.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn batch(&mut self) -> Result<Batch, Fault> {
        let mut batch = Batch { items: Vec::new(), rows: 0, wrong: Vec::new() };
        let mut bytes = 0;
        // the first row of the product that is being read
        let mut first = None;
        loop {
            let record = match self.next.take() {
                Some(record) => record,
                None => match self.records.next().await? {
                    None => return Ok(batch),
                    Some(Err(broken)) => {
                        batch.rows += 1;
                        batch.wrong.push(to_wrong(broken, Some(&self.columns)));
                        continue;
                    }
                    Some(Ok(record)) if record.is_blank() => continue,
                    Some(Ok(record)) => record,
                },
            };
            let slug = self.slug(&record);
            let is_new = !slug.is_empty() && first.as_ref().is_none_or(|first| self.slug(first) != slug);
            let is_full = batch.items.len() >= MOST_PRODUCTS || batch.rows >= MOST_ROWS || bytes >= MOST_BYTES;
            if is_new && is_full {
                self.next = Some(record);
                return Ok(batch);
            }
            batch.rows += 1;
            bytes += record.cells().map(str::len).sum::<usize>();
            if record.len() != self.columns.len() {
                let reason = format!("must have {} cells, as the first row has: it has {}", self.columns.len(), record.len());
                batch.wrong.push(WrongRow { line: record.line, column: None, reason });
                // its cells may be those of other columns
                continue;
            }
            if is_new {
                let item = self.product(&record, &mut batch.wrong)?;
                batch.items.push(item);
                first = Some(record);
            } else if let (Some(item), Some(first)) = (batch.items.last_mut(), &first) {
                self.further(item, first, &record, &mut batch.wrong)?;
            } else {
                refuse(&mut batch.wrong, record.line, &Column::Slug, "must be that of a product");
            }
        }
    }

    /// The slug, as it is written.
    fn slug<'r>(&self, record: &'r Record) -> &'r str {
        let at = self.columns.with(record).position(|(column, _)| *column == Column::Slug);
        at.map(|i| record.cell(i).trim()).unwrap_or_default()
    }

    fn product(&mut self, record: &Record, wrong: &mut Vec<WrongRow>) -> Result<Item, Fault> {
        let line = record.line;
        let slug: Result<Slug, _> = self.slug(record).parse();
        match &slug {
            Err(rule) => refuse(wrong, line, &Column::Slug, *rule),
            Ok(slug) => {
                if let Some(before) = self.slugs.before(slug.as_str(), line) {
                    let reason = format!("has rows at line {before} already: the rows of a product follow each other");
                    refuse(wrong, line, &Column::Slug, reason);
                }
            }
        }
        let patch = self.patch(record, wrong)?;
        Ok(Item { line, slug: slug.ok(), patch, rows: vec![self.row(record, wrong)?] })
    }

    /// A row after the first one of a product.
    fn further(&mut self, item: &mut Item, first: &Record, record: &Record, wrong: &mut Vec<WrongRow>) -> Result<(), Fault> {
        let line = record.line;
        let others =
            self.columns.with(record).zip(first.cells()).filter(|((column, cell), first)| {
                !column.is_of_variants() && !cell.trim().is_empty() && cell.trim() != first.trim()
            });
        for ((column, _), _) in others {
            refuse(wrong, line, column, format!("must be empty, or as in line {}, the first one of the product", item.line));
        }
        if !self.columns.has_variants() {
            refuse(wrong, line, &Column::Slug, "is that of the row before: without columns of variants a product has one row");
        } else if item.rows.len() == MAX_VARIANTS {
            refuse(
                wrong,
                line,
                &Column::Slug,
                format!("has more than {MAX_VARIANTS} rows: a product has at most so many variants"),
            );
        }
        if item.rows.len() < MAX_VARIANTS {
            item.rows.push(self.row(record, wrong)?);
        }
        Ok(())
    }

    /// What the columns of products say.
    fn patch(&self, record: &Record, wrong: &mut Vec<WrongRow>) -> Result<Option<ProductPatch>, Fault> {
        let before = wrong.len();
        let (mut patch, mut attributes) = (ProductPatch::default(), AttributeChanges::new());
        for (column, cell) in self.columns.with(record) {
            let text = cells::text(cell);
            // an empty cell removes the value
            let given = (!text.is_empty()).then_some(text);
            let line = record.line;
            match column {
                Column::Name => patch.name = Some(text.into()),
                Column::Description => patch.description = Some(given.map(Into::into)),
                Column::Category => match given.map(|slug| self.shop.by_slug.get(slug)) {
                    None => patch.category_id = Some(None),
                    Some(Some(id)) => patch.category_id = Some(Some(CategoryId(*id))),
                    Some(None) => refuse(wrong, line, column, "must be the slug of a category"),
                },
                Column::Brand => patch.brand = Some(given.map(Into::into)),
                Column::Tags => patch.tags = Some(cells::split(text).iter().map(|tag| tag.as_str().into()).collect()),
                Column::SeoTitle => patch.seo_title = Some(given.map(Into::into)),
                Column::SeoDescription => patch.seo_description = Some(given.map(Into::into)),
                Column::Status => match text {
                    "draft" => patch.status = Some(ProductStatus::Draft),
                    "active" => patch.status = Some(ProductStatus::Active),
                    "archived" => patch.status = Some(ProductStatus::Archived),
                    _ => refuse(wrong, line, column, "must be draft, active or archived"),
                },
                Column::PublishedFrom | Column::PublishedUntil => match given.map(time).transpose() {
                    Ok(time) if *column == Column::PublishedFrom => patch.published_from = Some(time),
                    Ok(time) => patch.published_until = Some(time),
                    Err(rule) => refuse(wrong, line, column, rule),
                },
                Column::Attribute(code) => match given.map(|text| self.value(code, text)).transpose() {
                    Ok(value) => _ = attributes.insert(code.clone(), value),
                    Err(rule) => refuse(wrong, line, column, rule),
                },
                _ => {}
            }
        }
        if !attributes.is_empty() {
            patch.attributes = Some(Some(attributes));
        }
        refuse_fields(wrong, record.line, validate(&patch))?;
        Ok((wrong.len() == before).then_some(patch))
    }

    /// The value of an attribute. Whether it can be chosen, and how long a text may be, is checked with those of other products.
    fn value(&self, code: &AttributeCode, text: &str) -> Result<AttributeValue, &'static str> {
        let kind = self.shop.attributes.get(code.as_str()).map(|attribute| attribute.kind);
        match kind {
            Some(Kind::Number) => {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                Ok(AttributeValue::Number(Number(number.ok_or("must be a number such as -2.5")?)))
            }
            Some(Kind::Boolean) if text.eq_ignore_ascii_case("true") => Ok(AttributeValue::Boolean(true)),
            Some(Kind::Boolean) if text.eq_ignore_ascii_case("false") => Ok(AttributeValue::Boolean(false)),
            Some(Kind::Boolean) => Err("must be true or false"),
            Some(Kind::Choices) => {
                let codes: Result<_, _> = text.split('|').map(|code| code.trim().parse()).collect();
                Ok(AttributeValue::Choices(codes.map_err(|_| "must be codes of its choices, separated by |")?))
            }
            Some(Kind::Text | Kind::Choice) | None => Ok(AttributeValue::Text(text.into())),
        }
    }

    /// What a row says of its variant.
    fn row(&mut self, record: &Record, wrong: &mut Vec<WrongRow>) -> Result<Row, Fault> {
        let (line, before) = (record.line, wrong.len());
        let (mut spec, mut names, mut values) = (SetVariant::default(), [""; 3], [""; 3]);
        for (column, cell) in self.columns.with(record) {
            let text = cells::text(cell);
            let member = match column {
                Column::Sku => {
                    spec.sku = (!text.is_empty()).then(|| text.into());
                    continue;
                }
                Column::Gtin => {
                    spec.gtin = (!text.is_empty()).then(|| text.into());
                    continue;
                }
                Column::Price => {
                    match text.parse::<Amount>() {
                        Ok(price) => spec.price = Some(price),
                        Err(rule) => refuse(wrong, line, column, rule),
                    }
                    continue;
                }
                Column::OptionName(i) => {
                    names[*i] = text;
                    continue;
                }
                Column::OptionValue(i) => {
                    values[*i] = text;
                    continue;
                }
                Column::WeightGrams => &mut spec.weight_grams,
                Column::LengthMm => &mut spec.length_mm,
                Column::WidthMm => &mut spec.width_mm,
                Column::HeightMm => &mut spec.height_mm,
                Column::StockQuantity => &mut spec.stock_quantity,
                _ => continue,
            };
            match text {
                "" => {}
                number => match number.parse() {
                    Ok(number) => *member = Some(number),
                    Err(_) => refuse(wrong, line, column, "must be a whole number"),
                },
            }
        }
        let mut places = Vec::new();
        for (i, (name, value)) in std::iter::zip(names, values).enumerate() {
            match (name.is_empty(), value.is_empty()) {
                (true, true) => {}
                (false, false) => {
                    spec.options.push(OptionOf { name: name.into(), value: value.into() });
                    places.push(i);
                }
                (true, false) => refuse(wrong, line, &Column::OptionName(i), "must not be empty beside a value"),
                (false, true) => refuse(wrong, line, &Column::OptionValue(i), "must not be empty beside a name"),
            }
        }
        if let Some(before) = spec.sku.as_ref().and_then(|sku| self.skus.before(&sku.to_lowercase(), line)) {
            refuse(wrong, line, &Column::Sku, format!("is in line {before} already"));
        }
        for (pointer, rule) in fields(validate(&spec))? {
            let column = match pointer.strip_prefix("/options/").and_then(|rest| rest.split_once('/')) {
                Some((i, member)) => {
                    let place = i.parse().ok().and_then(|i: usize| places.get(i).copied()).unwrap_or_default();
                    if member == "name" { Column::OptionName(place) } else { Column::OptionValue(place) }.to_string()
                }
                None => pointer.trim_start_matches('/').into(),
            };
            wrong.push(WrongRow { line, column: Some(column), reason: rule });
        }
        Ok(Row { line, spec: (wrong.len() == before).then_some(spec) })
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time such as 2026-12-01T08:00:00Z")?;
    Ok(time.to_utc())
}

fn to_wrong(broken: Broken, columns: Option<&Columns>) -> WrongRow {
    let column = broken.cell.and_then(|i| columns.and_then(|columns| columns.name(i)));
    WrongRow { line: broken.line, column, reason: broken.reason }
}

/// Notes what is wrong with a cell.
pub(crate) fn refuse(wrong: &mut Vec<WrongRow>, line: u64, column: &Column, reason: impl Into<String>) {
    wrong.push(WrongRow { line, column: Some(column.to_string()), reason: reason.into() });
}

/// Notes what is wrong with members of a product, whose columns have their names but for those of which `Column` has others.
///
/// # Errors
/// When it is no member that is wrong.
pub(crate) fn refuse_fields(wrong: &mut Vec<WrongRow>, line: u64, outcome: Result<(), Fault>) -> Result<(), Fault> {
    for (pointer, reason) in fields(outcome)? {
        let mut members = pointer.trim_start_matches('/').split('/');
        let column = match (members.next(), members.next()) {
            (Some("attributes"), Some(code)) => format!("attribute:{code}"),
            (Some("category_id"), _) => Column::Category.to_string(),
            (member, _) => member.unwrap_or_default().into(),
        };
        wrong.push(WrongRow { line, column: Some(column), reason });
    }
    Ok(())
}

/// The pointers to members that are wrong, with what is allowed there.
///
/// # Errors
/// When it is no member that is wrong.
pub(crate) fn fields(outcome: Result<(), Fault>) -> Result<Vec<(String, String)>, Fault> {
    match outcome {
        Ok(()) => Ok(Vec::new()),
        Err(fault) if fault.errors().is_empty() => Err(fault),
        Err(fault) => Ok(fault.errors().iter().map(|error| (error.pointer.clone(), error.detail.clone())).collect()),
    }
}
