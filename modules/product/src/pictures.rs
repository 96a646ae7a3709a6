//! Gives products and categories their pictures.

use crate::{
    MediaId, Product, ProductError, ProductId, SetPictures,
    context::{Products, Result},
    entity::{media, media_use::Owner},
    rules,
    store::{self, variants},
    view::StoredPicture,
};
use kernel::{Fault, IfMatch, db::Tx, serde_json};
use std::collections::{HashMap, HashSet};

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
            stored.push(StoredPicture { alt, variants: picture.variant_ids, ..StoredPicture::of(row)? });
        }
        if store::set_pictures(&*tx, id, if_match, rules::to_stored(&stored)?).await?.is_none() {
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
        Ok(serde_json::to_string(&StoredPicture::of(row)?).map_err(Fault::internal)?)
    }
}

fn missing(pointer: &str) -> Fault {
    Fault::invalid(pointer, "must be a picture that was uploaded")
}
