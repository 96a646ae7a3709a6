use crate::{MAX_QUANTITY, Shortage, StockRule};
use kernel::{ApiError, Fault};

/// Errors of products and categories.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "product")]
pub enum ProductError {
    /// There is no such product.
    #[error("Product not found")]
    #[api(not_found)]
    NotFound,
    /// Only admins may list products by their status.
    #[error("Only admins may list products by their status")]
    #[api(permission_denied)]
    StatusForAdmins,
    /// There is no such variant.
    #[error("Variant not found")]
    #[api(not_found)]
    VariantNotFound,
    /// The product has options: the call must name a variant.
    #[error("This product has options: name one of its variants")]
    #[api(conflict)]
    VariantRequired,
    /// Another variant of the shop has this SKU.
    #[error("Another variant has the SKU {sku}")]
    #[api(conflict)]
    SkuTaken {
        /// The SKU, in lower case.
        sku: String,
    },
    /// The movement would leave fewer pieces than none, or more than 1,000,000; or fewer were counted than orders hold.
    #[error("{}", out_of_range(*.rule, *.available, *.held))]
    #[api(conflict)]
    StockOutOfRange {
        /// Pieces that can be sold.
        available: u32,
        /// Pieces that orders hold.
        held: u32,
        /// The rule that the movement breaks; `null` from releases that do not say so.
        rule: Option<StockRule>,
    },
    /// Another product has this slug, or had it before.
    #[error("Another product has the slug {slug}, or had it before")]
    #[api(conflict)]
    SlugTaken {
        /// The slug.
        slug: String,
    },
    /// Another category has this slug, or had it before.
    #[error("Another category has the slug {slug}, or had it before")]
    #[api(conflict)]
    CategorySlugTaken {
        /// The slug.
        slug: String,
    },
    /// There is no translation into this language.
    #[error("Translation not found")]
    #[api(not_found)]
    TranslationNotFound,
    /// It is translated into 50 languages already.
    #[error("There are 50 translations already")]
    #[api(conflict)]
    TooManyTranslations,
    /// There is no such picture.
    #[error("Picture not found")]
    #[api(not_found)]
    MediaNotFound,
    /// Products or categories have the picture.
    #[error("Products or categories have this picture")]
    #[api(conflict)]
    MediaInUse,
    /// The file is no picture in one of the formats that are taken, whatever its name or `Content-Type` says.
    #[error("The file is no JPEG, PNG or WebP picture")]
    #[api(unsupported_media_type)]
    NotAPicture,
    /// The picture has more than 40,000,000 pixels, or more than 16,384 on a side.
    #[error("The picture has {width} by {height} pixels: at most 40,000,000 are taken, and 16,384 on a side")]
    #[api(unprocessable)]
    PictureTooLarge {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The file begins as a picture, but cannot be read to its end.
    #[error("The picture cannot be read: it is cut off or damaged")]
    #[api(unprocessable)]
    PictureUnreadable,
    /// There is no such category.
    #[error("Category not found")]
    #[api(not_found)]
    CategoryNotFound,
    /// The category has products or categories below it.
    #[error("Category is not empty")]
    #[api(conflict)]
    CategoryNotEmpty,
    /// There is no such attribute.
    #[error("Attribute not found")]
    #[api(not_found)]
    AttributeNotFound,
    /// Products have the attribute, or the choice that would be removed, or categories require it.
    #[error("{what} is in use")]
    #[api(conflict)]
    AttributeInUse {
        /// What is in use: the attribute, or one of its choices.
        what: String,
    },
    /// The shop has 500 attributes already.
    #[error("The shop has 500 attributes already")]
    #[api(conflict)]
    TooManyAttributes,
    /// There is no such import, or it is too old.
    #[error("Import not found")]
    #[api(not_found)]
    ImportNotFound,
    /// Some line of the order has a higher quantity than the stock; nothing was held.
    #[error("Insufficient stock: {}", .lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    #[api(conflict)]
    OutOfStock {
        /// The lines with a higher quantity than the stock.
        lines: Vec<Shortage>,
    },
    /// The order's hold has ended, or is for other lines.
    #[error("The stock of this order is no longer held")]
    #[api(conflict)]
    HoldEnded,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}

fn out_of_range(rule: Option<StockRule>, available: u32, held: u32) -> String {
    match rule {
        Some(StockRule::TooFew) => format!("No more pieces can go than the {available} that are available"),
        Some(StockRule::FewerThanHeld) => format!("No fewer pieces can be counted than the {held} that orders hold"),
        Some(StockRule::TooMany) => {
            format!("There can be at most {MAX_QUANTITY} pieces: {available} are available, and {held} held by orders")
        }
        None => format!("Not possible with {available} pieces available and {held} held by orders"),
    }
}
