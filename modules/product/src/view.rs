//! Types of the contract from rows.

use crate::{
    Category, CategoryId, HeldLine, Hold, Media, MediaId, MovementKind, Product, ProductError, ProductId, ProductStatus, Stock,
    StockMovement, Variant, VariantId,
    entity::{
        category, hold, hold_line, media,
        product::{self, Status},
        stock_item,
        stock_movement::{self, Kind},
    },
    picture_json, rules,
    store::variants::Sold,
};
use kernel::{Currency, Fault, Money, OrderId, UserId};

/// A product, with its variants if they are given.
pub(crate) fn to_product(row: product::Model, sold: Option<Vec<Sold>>) -> Result<Product, ProductError> {
    let currency = row.currency.parse().map_err(|e| Fault::internal(format_args!("currency of product {}: {e}", row.id)))?;
    let variants = sold.map(|sold| sold.into_iter().map(to_variant).collect::<Result<Vec<_>, _>>()).transpose()?;
    let options =
        variants.as_ref().map(|all| rules::options_of(all.iter().map(|variant| &variant.options[..]))).unwrap_or_default();
    Ok(Product {
        id: ProductId(row.id),
        name: row.name,
        description: row.description,
        price: Money { minor: row.price_minor, currency }.amount(),
        currency,
        category_id: row.category_id.map(CategoryId),
        stock_quantity: to_quantity(row.stock_quantity),
        options,
        variants,
        slug: row.slug,
        brand: row.brand,
        tags: row.tags.lines().map(str::to_owned).collect(),
        seo_title: row.seo_title,
        seo_description: row.seo_description,
        pictures: picture_json::shown(&row.pictures)?,
        status: row.status.into(),
        published_from: row.published_from,
        published_until: row.published_until,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(crate) fn to_variant(sold: Sold) -> Result<Variant, ProductError> {
    let Sold { variant: row, product_name, currency, available } = sold;
    let currency = currency.parse().map_err(|e| Fault::internal(format_args!("currency of variant {}: {e}", row.id)))?;
    let options = rules::options(&row.options)?;
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
    }
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

pub(crate) fn to_category(row: category::Model) -> Result<Category, ProductError> {
    Ok(Category {
        id: CategoryId(row.id),
        name: row.name,
        parent_id: row.parent_id.map(CategoryId),
        picture: picture_json::shown_of_category(&row.picture)?,
        version: row.version,
    })
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
