//! Makes pictures: few at a time, because each takes much memory, and each size of one once.

use super::{
    blobs::{Blob, Blobs, Content},
    draw::ornament,
    pictures::{self, Encoded},
};
use crate::{MediaSize, ProductError};
use bytes::Bytes;
use kernel::{BoxError, Download, Fault};
use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

type Result<T, E = ProductError> = std::result::Result<T, E>;

/// How many pictures are decoded at once in this process.
const AT_ONCE: usize = 2;

/// The objects of pictures, and what makes them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pictures {
    pub(super) blobs: Blobs,
    decoding: Arc<Semaphore>,
    /// Sizes that are being made.
    making: Arc<Mutex<HashMap<String, Weak<AsyncMutex<()>>>>>,
}

impl Pictures {
    /// With the objects at this address.
    ///
    /// # Errors
    /// When it is no address of a store, or its folder cannot be made.
    pub(crate) fn open(url: &str) -> Result<Self, BoxError> {
        let (decoding, making) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::default());
        Ok(Self { blobs: Blobs::open(url)?, decoding, making })
    }

    /// What is kept of the picture in a file.
    pub(super) async fn prepare(&self, mut file: File) -> Result<Encoded> {
        self.decoded(move || {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(Fault::internal)?;
            pictures::prepare(&bytes)
        })
        .await
    }

    /// An ornament: see [`ornament`].
    pub(crate) async fn drawn(&self, seed: u32) -> Result<Encoded> {
        self.decoded(move || ornament(seed)).await
    }

    /// A size that is smaller than the picture. If it is not there, it is made, by one of all that ask for it at once.
    pub(super) async fn smaller(&self, object: &str, size: MediaSize, longest: u32) -> Result<Blob> {
        let key = key_of(object, size);
        if let Some(blob) = self.blobs.get(&key).await? {
            return Ok(blob);
        }
        let (pictures, object) = (self.clone(), object.to_owned());
        // to its end, even when the caller leaves: others may wait for it
        let made = tokio::spawn(async move {
            let turn = pictures.turn(&key);
            let _turn = turn.lock().await;
            if let Some(blob) = pictures.blobs.get(&key).await? {
                return Ok(blob);
            }
            let original = pictures.blobs.bytes(&object).await?;
            let original = original.ok_or_else(|| Fault::internal(format_args!("the object {object} is missing")))?;
            let small = pictures.decoded(move || pictures::shrink(&original, longest)).await?;
            let bytes = Bytes::from(small.bytes);
            pictures.blobs.put(&key, bytes.clone()).await?;
            metrics::counter!("souk_media_sizes_made_total").increment(1);
            Ok::<_, ProductError>(Blob { length: bytes.len() as u64, content: Content::Whole(bytes) })
        });
        made.await.map_err(Fault::internal)?
    }

    /// Removes a picture with all its sizes.
    pub(super) async fn remove(&self, object: &str) -> Result<(), Fault> {
        let sizes = MediaSize::ALL.into_iter().filter(|size| size.longest().is_some()).map(|size| key_of(object, size));
        // the original at last: the sizes can be made from it
        self.blobs.remove(sizes.chain([object.to_owned()])).await
    }

    /// The lock of what is being made.
    fn turn(&self, key: &str) -> Arc<AsyncMutex<()>> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = making.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        making.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        making.insert(key.to_owned(), Arc::downgrade(&turn));
        turn
    }

    /// The result of `work` on a thread that may be blocked, in its turn.
    async fn decoded<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let turn = self.decoding.clone().acquire_owned().await.map_err(Fault::internal)?;
        let work = move || {
            let done = work();
            // not before, even if the caller has left
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?
    }
}

/// The object of a size.
fn key_of(object: &str, size: MediaSize) -> String {
    format!("{object}.{size}")
}

/// The object of a picture that this one is a size of; itself, if it is none.
pub(super) fn original_of(key: &str) -> &str {
    key.split_once('.').map_or(key, |(object, _)| object)
}

impl Blob {
    pub(super) fn download(self, media_type: String) -> Download {
        match self.content {
            Content::Whole(bytes) => Download::of(media_type, bytes),
            Content::Stream(chunks) => Download::new(media_type, Some(self.length), chunks),
        }
    }
}
