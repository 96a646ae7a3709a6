//! The pictures of products and categories: what is stored of them, and how they are replaced.

use crate::{
    CategoryPicture, MediaId, Picture, Product, ProductError, ProductId, SetPictures, VariantId,
    context::{Products, Result},
    entity::{media, media_use::Owner},
    store::{self, variants},
    view::to_quantity,
};
use kernel::{Fault, IfMatch, db::Tx, serde_json};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{HashMap, HashSet};

/// A picture as it is stored in the row of what has it.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: MediaId,
    width: u32,
    height: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    alt: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    variants: Vec<VariantId>,
}

/// The pictures of a product from what is stored.
pub(crate) fn shown(stored: &str) -> Result<Vec<Picture>, Fault> {
    let show = |Stored { id, width, height, alt, variants }| {
        let url = id.url();
        Picture { media_id: id, alt, width, height, variant_ids: variants, url }
    };
    Ok(read::<Vec<Stored>>(stored)?.unwrap_or_default().into_iter().map(show).collect())
}

/// The picture of a category from what is stored.
pub(crate) fn shown_of_category(stored: &str) -> Result<Option<CategoryPicture>, Fault> {
    let show = |Stored { id, width, height, .. }| CategoryPicture { url: id.url(), media_id: id, width, height };
    Ok(read(stored)?.map(show))
}

fn read<T: DeserializeOwned>(stored: &str) -> Result<Option<T>, Fault> {
    if stored.is_empty() { Ok(None) } else { serde_json::from_str(stored).map(Some).map_err(Fault::internal) }
}

impl Stored {
    fn of(row: &media::Model) -> Result<Self, Fault> {
        let id = row.id.parse().map_err(Fault::internal)?;
        let (width, height) = (to_quantity(row.width.into()), to_quantity(row.height.into()));
        Ok(Self { id, width, height, alt: String::new(), variants: Vec::new() })
    }
}

impl Products {
    pub(crate) async fn replace_pictures(&self, id: ProductId, if_match: &IfMatch, request: SetPictures) -> Result<Product> {
        let pictures = request.pictures;
        let mut seen = HashSet::new();
        if let Some(i) = pictures.iter().position(|picture| !seen.insert(&picture.media_id)) {
            return Err(Fault::invalid(format!("/pictures/{i}/media_id"), "is there twice").into());
        }
        let ids: Vec<MediaId> = pictures.iter().map(|picture| picture.media_id.clone()).collect();
        let tx = self.db.begin().await?;
        variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        let rows: HashMap<String, media::Model> =
            store::media::lock(&*tx, &ids).await?.into_iter().map(|row| (row.id.clone(), row)).collect();
        let known: HashSet<i64> = variants::living(&*tx, id).await?.into_iter().map(|variant| variant.id).collect();
        let mut stored = Vec::with_capacity(pictures.len());
        for (i, picture) in pictures.into_iter().enumerate() {
            let row = rows.get(picture.media_id.as_str()).ok_or_else(|| missing(&format!("/pictures/{i}/media_id")))?;
            if let Some(at) = picture.variant_ids.iter().position(|variant| !known.contains(&variant.0)) {
                let pointer = format!("/pictures/{i}/variant_ids/{at}");
                return Err(Fault::invalid(pointer, "must be a variant of this product").into());
            }
            let alt = picture.alt.map(String::from).unwrap_or_default();
            stored.push(Stored { alt, variants: picture.variant_ids, ..Stored::of(row)? });
        }
        let text = if stored.is_empty() { String::new() } else { serde_json::to_string(&stored).map_err(Fault::internal)? };
        if store::set_pictures(&*tx, id, if_match, text).await?.is_none() {
            return Err(self.refusal(&tx, id).await?);
        }
        store::media::set_uses(&*tx, Owner::Product, id.0, &ids, self.db.now()).await?;
        let product = self.after(&tx, id).await?;
        tx.commit().await?;
        Ok(product)
    }

    /// The picture that a category is to have, as it is stored; locked, so that it is not deleted meanwhile.
    pub(crate) async fn category_picture(&self, tx: &Tx, id: Option<&MediaId>) -> Result<String> {
        let Some(id) = id else { return Ok(String::new()) };
        let locked = store::media::lock(&**tx, std::slice::from_ref(id)).await?;
        let row = locked.first().ok_or_else(|| missing("/picture_id"))?;
        Ok(serde_json::to_string(&Stored::of(row)?).map_err(Fault::internal)?)
    }
}

fn missing(pointer: &str) -> Fault {
    Fault::invalid(pointer, "must be a picture that was uploaded")
}
