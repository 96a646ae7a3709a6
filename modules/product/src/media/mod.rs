//! Pictures: they are taken in, kept as objects, given out in sizes, and removed.
//!
//! A picture is an object and a row, in this order: a row without its object is never there, whenever the process is killed. An object
//! has a name of its own for each upload, so that removing one never removes that of a later upload of the same picture; an object
//! without a row is removed a day later.

mod blobs;
mod draw;
pub(crate) mod making;
mod pictures;
mod sweep;

use self::pictures::Encoded;
use crate::{
    ListMedia, Media, MediaId, MediaPage, MediaSize, ProductError,
    context::{Products, Result},
    entity, ops, store,
    view::to_media,
};
use kernel::{Download, Fault, Page, Upload};
use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
};
use uuid::Uuid;

/// The first bytes of a file, which tell its format.
const SIGNATURE: usize = 16;

impl Products {
    pub(crate) async fn take_in(&self, body: Upload) -> Result<Media> {
        let file = receive(body, self.pictures.blobs.temporary_file().await?).await?;
        let encoded = self.pictures.prepare(file).await?;
        self.keep(encoded).await
    }

    /// Keeps a picture, unless it is kept already.
    pub(crate) async fn keep(&self, picture: Encoded) -> Result<Media> {
        let Encoded { bytes, media_type, width, height } = picture;
        let id = format!("{:x}", Sha256::digest(&bytes));
        let object = format!("{}/{id}-{}", &id[..2], Uuid::now_v7().simple());
        let row = entity::media::Model {
            id,
            object: object.clone(),
            media_type: media_type.into(),
            width: width.try_into().map_err(Fault::internal)?,
            height: height.try_into().map_err(Fault::internal)?,
            bytes: bytes.len().try_into().map_err(Fault::internal)?,
            uploaded_at: self.db.now(),
            used_at: None,
        };
        self.pictures.blobs.put(&object, bytes.into()).await?;
        let kept = store::media::add(self.db.write(), row).await?;
        if kept.object != object {
            // another upload was the first
            self.pictures.blobs.remove([object]).await?;
        }
        to_media(kept)
    }

    pub(crate) async fn picture(&self, id: &MediaId, size: MediaSize) -> Result<Download> {
        let row = store::media::one(self.db.read(), id).await?.ok_or(ProductError::MediaNotFound)?;
        let longest = size.longest().filter(|longest| i64::from(row.width.max(row.height)) > i64::from(*longest));
        let blob = match longest {
            None => self.pictures.blobs.get(&row.object).await?,
            Some(longest) => Some(self.pictures.smaller(&row.object, size, longest).await?),
        };
        let blob = blob.ok_or_else(|| Fault::internal(format_args!("the object of picture {id} is missing")))?;
        Ok(blob.download(row.media_type).tagged(format_args!("{id}-{size}")).immutable())
    }

    pub(crate) async fn all_media(&self, query: ListMedia) -> Result<MediaPage> {
        let page = Page::of_list(&ops::LIST_MEDIA.id, query.page, query.cursor, query.per_page, 20)?;
        let db = self.db.read();
        let found = store::media::page(db, &page);
        let (found, total) = match page.total() {
            Some(total) => (found.await?, total),
            None => tokio::try_join!(found, store::media::count(db))?,
        };
        let media = found.rows.into_iter().map(to_media).collect::<Result<_>>()?;
        Ok(MediaPage { media, pagination: page.ending(total, found.end) })
    }

    pub(crate) async fn remove_media(&self, id: &MediaId) -> Result<()> {
        let tx = self.db.begin().await?;
        let locked = store::media::lock(&*tx, std::slice::from_ref(id)).await?;
        let row = locked.into_iter().next().ok_or(ProductError::MediaNotFound)?;
        if store::media::is_used(&*tx, id).await? {
            return Err(ProductError::MediaInUse);
        }
        store::media::delete(&*tx, &[row.id]).await?;
        tx.commit().await?;
        // what is left of it when this fails is swept
        if let Err(e) = self.pictures.remove(&row.object).await {
            tracing::debug!(error = %e, "the objects of a picture are left to be swept");
        }
        Ok(())
    }
}

/// Writes the body to a file.
async fn receive(mut body: Upload, file: std::fs::File) -> Result<std::fs::File> {
    let mut file = File::from_std(file);
    let mut first = Vec::with_capacity(SIGNATURE);
    while let Some(bytes) = body.chunk().await? {
        let had = first.len();
        if had < SIGNATURE {
            first.extend(bytes.iter().take(SIGNATURE - had));
            // nobody need send the rest
            if first.len() == SIGNATURE && !pictures::is_picture(&first) {
                return Err(ProductError::NotAPicture);
            }
        }
        file.write_all(&bytes).await.map_err(Fault::internal)?;
    }
    file.flush().await.map_err(Fault::internal)?;
    file.rewind().await.map_err(Fault::internal)?;
    Ok(file.into_std().await)
}
