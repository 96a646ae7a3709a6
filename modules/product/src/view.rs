//! Types of the contract from rows.

mod pictures;

pub(crate) use pictures::StoredPicture;

use crate::{
    Attribute, AttributeKind, Category, CategoryId, HeldLine, Hold, Import, ImportId, ImportState, ImportStock, Media, MediaId,
    MovementKind, OptionOf, Product, ProductError, ProductId, ProductStatus, Stock, StockEntry, StockMovement, Variant,
    VariantId,
    entity::{
        attribute::{self, Kind as AttributeKindOf},
        category, hold, hold_line,
        import::{self, State},
        media,
        product::{self, Status},
        stock_item,
        stock_movement::{self, Kind},
    },
    rules,
    store::{
        texts::{Texts, Translated},
        variants::Sold,
    },
};
use kernel::{Currency, Fault, Language, Money, OrderId, UserId};

/// A product, with its variants if they are given.
pub(crate) fn to_product(row: product::Model, sold: Option<Vec<Sold>>, texts: &Texts<'_>) -> Result<Product, ProductError> {
    let currency = row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of product {}: {e}", row.id)))?;
    let variants =
        sold.map(|sold| sold.into_iter().map(|one| to_variant(one, texts)).collect::<Result<Vec<_>, _>>()).transpose()?;
    let options =
        variants.as_ref().map(|all| rules::options_of(all.iter().map(|variant| &variant.options[..]))).unwrap_or_default();
    let translated = texts.of(row.id);
    Ok(Product {
        id: ProductId(row.id),
        name: translated.and_then(Translated::name).unwrap_or(row.name),
        language: texts.language_of(row.id),
        description: translated.and_then(Translated::description).unwrap_or(row.description),
        price: Money { minor: row.price_minor, currency }.amount(),
        currency,
        category_id: row.category_id.map(CategoryId),
        stock_quantity: to_quantity(row.stock_quantity),
        options,
        variants,
        slug: row.slug,
        brand: row.brand,
        tags: row.tags.lines().map(|tag| term(translated, tag)).collect(),
        attributes: rules::stored(&row.attributes)?,
        seo_title: translated.and_then(Translated::seo_title).or(row.seo_title),
        seo_description: translated.and_then(Translated::seo_description).or(row.seo_description),
        pictures: pictures::shown(&row.pictures)?,
        status: row.status.into(),
        published_from: row.published_from,
        published_until: row.published_until,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// A name or a value of an option, or a tag: its translation, if it has one.
fn term(translated: Option<&Translated>, own: &str) -> String {
    translated.and_then(|translated| translated.term(own)).unwrap_or(own).to_owned()
}

pub(crate) fn to_variant(sold: Sold, texts: &Texts<'_>) -> Result<Variant, ProductError> {
    let Sold { variant: row, product_name, currency, available, .. } = sold;
    let currency = currency.parse().map_err(|e| Fault::internal(format_args!("currency of variant {}: {e}", row.id)))?;
    let mut options: Vec<OptionOf> = rules::stored(&row.options)?;
    let translated = texts.of(row.product_id);
    if translated.is_some() {
        for option in &mut options {
            option.name = term(translated, &option.name).into();
            option.value = term(translated, &option.value).into();
        }
    }
    let product_name = translated.and_then(Translated::name).unwrap_or(product_name);
    Ok(Variant {
        id: VariantId(row.id),
        product_id: ProductId(row.product_id),
        name: rules::name_of(&product_name, &options),
        options,
        sku: row.sku,
        gtin: row.gtin,
        price: Money { minor: row.price_minor, currency }.amount(),
        currency,
        weight_grams: row.weight_grams,
        length_mm: row.length_mm,
        width_mm: row.width_mm,
        height_mm: row.height_mm,
        stock_quantity: to_quantity(available),
        updated_at: row.updated_at,
        version: row.version,
    })
}

pub(crate) fn to_stock(item: stock_item::Model) -> Stock {
    Stock {
        variant_id: VariantId(item.variant_id),
        on_hand: to_quantity(item.available + item.held),
        held: to_quantity(item.held),
        available: to_quantity(item.available),
        version: item.version,
        updated_at: item.updated_at,
        low_at: item.low_at.map(to_quantity),
        is_low: item.low_at.is_some_and(|low_at| item.available <= low_at),
    }
}

pub(crate) fn to_stock_entry(sold: Sold, texts: &Texts<'_>, item: stock_item::Model) -> Result<StockEntry, ProductError> {
    let (variant, stock) = (to_variant(sold, texts)?, to_stock(item));
    Ok(StockEntry {
        variant_id: variant.id,
        product_id: variant.product_id,
        name: variant.name,
        sku: variant.sku,
        on_hand: stock.on_hand,
        held: stock.held,
        available: stock.available,
        low_at: stock.low_at,
        is_low: stock.is_low,
    })
}

pub(crate) fn to_movement(row: stock_movement::Model) -> StockMovement {
    StockMovement {
        id: row.id,
        variant_id: VariantId(row.variant_id),
        kind: row.kind.into(),
        available_change: row.available_change,
        held_change: row.held_change,
        order_id: row.order_id.map(OrderId),
        user_id: row.user_id.map(UserId),
        note: row.note,
        at: row.at,
    }
}

impl From<Status> for ProductStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::Active => Self::Active,
            Status::Archived => Self::Archived,
        }
    }
}

impl From<ProductStatus> for Status {
    fn from(status: ProductStatus) -> Self {
        match status {
            ProductStatus::Draft => Self::Draft,
            ProductStatus::Active => Self::Active,
            ProductStatus::Archived => Self::Archived,
        }
    }
}

impl From<Kind> for MovementKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Received => Self::Received,
            Kind::Counted => Self::Counted,
            Kind::Adjusted => Self::Adjusted,
            Kind::Held => Self::Held,
            Kind::Released => Self::Released,
            Kind::Sold => Self::Sold,
            Kind::Returned => Self::Returned,
        }
    }
}

impl From<MovementKind> for Kind {
    fn from(kind: MovementKind) -> Self {
        match kind {
            MovementKind::Received => Self::Received,
            MovementKind::Counted => Self::Counted,
            MovementKind::Adjusted => Self::Adjusted,
            MovementKind::Held => Self::Held,
            MovementKind::Released => Self::Released,
            MovementKind::Sold => Self::Sold,
            MovementKind::Returned => Self::Returned,
        }
    }
}

pub(crate) fn to_import(row: import::Model) -> Result<Import, Fault> {
    let count = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(Import {
        id: ImportId(row.id),
        state: match row.state {
            State::Receiving | State::Queued => ImportState::Queued,
            State::Checking => ImportState::Checking,
            State::Importing => ImportState::Importing,
            State::Done => ImportState::Done,
            State::Refused => ImportState::Refused,
            State::Failed => ImportState::Failed,
        },
        dry_run: row.dry_run,
        stock: if row.set_stock { ImportStock::Set } else { ImportStock::Keep },
        rows: count(row.rows),
        done: count(row.done),
        added: count(row.added),
        changed: count(row.changed),
        unchanged: count(row.unchanged),
        wrong: count(row.wrong),
        wrong_rows: rules::stored(&row.wrong_rows)?,
        message: row.message,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

pub(crate) fn to_category(row: category::Model, texts: &Texts<'_>) -> Result<Category, ProductError> {
    let translated = texts.of(row.id);
    Ok(Category {
        id: CategoryId(row.id),
        name: translated.and_then(Translated::name).unwrap_or(row.name),
        language: texts.language_of(row.id),
        description: translated.and_then(Translated::description).unwrap_or(row.description),
        parent_id: row.parent_id.map(CategoryId),
        slug: row.slug,
        position: row.position.into(),
        required_attributes: rules::stored(&row.required_attributes)?,
        picture: pictures::shown_of_category(&row.picture)?,
        version: row.version,
    })
}

/// An attribute with the shop's own texts, and all translations.
pub(crate) fn to_attribute(row: attribute::Model) -> Result<Attribute, ProductError> {
    Ok(Attribute {
        code: row.code.parse().map_err(Fault::internal)?,
        name: row.name,
        kind: row.kind.into(),
        unit: row.unit,
        choices: rules::stored(&row.choices)?,
        translations: rules::stored(&row.translations)?,
        version: row.version,
    })
}

impl Attribute {
    /// The same with its names in the best of these languages, and without translations.
    pub(crate) fn read_in(mut self, languages: &[Language]) -> Self {
        let translations = std::mem::take(&mut self.translations);
        // the best one last, so that it stays
        for language in languages.iter().rev() {
            for translation in translations.iter().filter(|translation| translation.language == *language) {
                self.name = translation.name.as_ref().map_or(self.name, ToString::to_string);
                for choice in &mut self.choices {
                    if let Some(of) = translation.choices.iter().find(|of| of.code == choice.code) {
                        choice.name.clone_from(&of.name);
                    }
                }
            }
        }
        self
    }
}

impl From<AttributeKindOf> for AttributeKind {
    fn from(kind: AttributeKindOf) -> Self {
        match kind {
            AttributeKindOf::Text => Self::Text,
            AttributeKindOf::Number => Self::Number,
            AttributeKindOf::Boolean => Self::Boolean,
            AttributeKindOf::Choice => Self::Choice,
            AttributeKindOf::Choices => Self::Choices,
        }
    }
}

impl From<AttributeKind> for AttributeKindOf {
    fn from(kind: AttributeKind) -> Self {
        match kind {
            AttributeKind::Text => Self::Text,
            AttributeKind::Number => Self::Number,
            AttributeKind::Boolean => Self::Boolean,
            AttributeKind::Choice => Self::Choice,
            AttributeKind::Choices => Self::Choices,
        }
    }
}

pub(crate) fn to_media(row: media::Model) -> Result<Media, ProductError> {
    let id: MediaId = row.id.parse().map_err(|e| Fault::internal(format_args!("id of picture {}: {e}", row.id)))?;
    Ok(Media {
        url: id.url(),
        id,
        media_type: row.media_type,
        width: to_quantity(row.width.into()),
        height: to_quantity(row.height.into()),
        bytes: row.bytes.try_into().unwrap_or_default(),
        uploaded_at: row.uploaded_at,
    })
}

pub(crate) fn to_hold(hold: hold::Model, lines: Vec<hold_line::Model>, currency: Currency) -> Hold {
    let lines = lines.into_iter().map(|line| HeldLine {
        product_id: ProductId(line.product_id.unwrap_or(line.variant_id)),
        variant_id: line.product_id.map(|_| VariantId(line.variant_id)),
        sku: line.sku,
        name: line.name,
        unit_price: Money { minor: line.unit_price_minor, currency }.amount(),
        quantity: to_quantity(line.quantity),
    });
    Hold { order_id: OrderId(hold.order_id), currency, lines: lines.collect(), expires_at: hold.expires_at }
}

/// Constraints of the tables keep quantities in this range.
pub(crate) fn to_quantity(quantity: i64) -> u32 {
    u32::try_from(quantity).unwrap_or_default()
}
