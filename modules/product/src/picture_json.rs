//! The pictures of products and categories as they are stored in the rows of these: as JSON, so that showing them needs no other table.

use crate::{CategoryPicture, MediaId, Picture, VariantId, entity::media};
use kernel::{Fault, serde_json};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

type Result<T> = std::result::Result<T, Fault>;

/// A picture of something.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored {
    id: MediaId,
    width: u32,
    height: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    alt: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    variants: Vec<VariantId>,
}

impl Stored {
    /// A picture that was uploaded, with its text and the variants that it shows.
    pub(crate) fn of(row: &media::Model, alt: String, variants: Vec<VariantId>) -> Result<Self> {
        let id = row.id.parse().map_err(Fault::internal)?;
        let side = |side: i32| side.try_into().map_err(Fault::internal);
        Ok(Self { id, width: side(row.width)?, height: side(row.height)?, alt, variants })
    }
}

/// What is stored of the pictures of a product.
pub(crate) fn of_product(pictures: &[Stored]) -> Result<String> {
    if pictures.is_empty() { Ok(String::new()) } else { serde_json::to_string(pictures).map_err(Fault::internal) }
}

/// What is stored of the picture of a category.
pub(crate) fn of_category(picture: &Stored) -> Result<String> {
    serde_json::to_string(picture).map_err(Fault::internal)
}

/// The pictures of a product from what [`of_product`] made.
pub(crate) fn shown(stored: &str) -> Result<Vec<Picture>> {
    let show = |Stored { id, width, height, alt, variants }| {
        let url = id.url();
        Picture { media_id: id, alt, width, height, variant_ids: variants, url }
    };
    Ok(read::<Vec<Stored>>(stored)?.unwrap_or_default().into_iter().map(show).collect())
}

/// The picture of a category from what [`of_category`] made.
pub(crate) fn shown_of_category(stored: &str) -> Result<Option<CategoryPicture>> {
    let show = |Stored { id, width, height, .. }| CategoryPicture { url: id.url(), media_id: id, width, height };
    Ok(read(stored)?.map(show))
}

fn read<T: DeserializeOwned>(stored: &str) -> Result<Option<T>> {
    if stored.is_empty() { Ok(None) } else { serde_json::from_str(stored).map(Some).map_err(Fault::internal) }
}
