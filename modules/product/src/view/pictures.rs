//! Pictures, as the row of what has them stores them.

use crate::{CategoryPicture, MediaId, Picture, VariantId, entity::media, rules};
use kernel::Fault;
use serde::{Deserialize, Serialize};

/// A picture as it is stored in the row of what has it.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredPicture {
    pub(crate) id: MediaId,
    pub(crate) width: u32,
    pub(crate) height: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) alt: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) variants: Vec<VariantId>,
}

/// The pictures of a product from what is stored.
pub(super) fn shown(stored: &str) -> Result<Vec<Picture>, Fault> {
    let show = |StoredPicture { id, width, height, alt, variants }| {
        let url = id.url();
        Picture { media_id: id, alt, width, height, variant_ids: variants, url }
    };
    Ok(rules::stored::<Vec<StoredPicture>>(stored)?.into_iter().map(show).collect())
}

/// The picture of a category from what is stored.
pub(super) fn shown_of_category(stored: &str) -> Result<Option<CategoryPicture>, Fault> {
    let show = |StoredPicture { id, width, height, .. }| CategoryPicture { url: id.url(), media_id: id, width, height };
    Ok(rules::stored::<Option<StoredPicture>>(stored)?.map(show))
}

impl StoredPicture {
    pub(crate) fn of(row: &media::Model) -> Result<Self, Fault> {
        let id = row.id.parse().map_err(Fault::internal)?;
        let pixels = |of: i32| u32::try_from(of).unwrap_or_default();
        let (width, height) = (pixels(row.width), pixels(row.height));
        Ok(Self { id, width, height, alt: String::new(), variants: Vec::new() })
    }
}
