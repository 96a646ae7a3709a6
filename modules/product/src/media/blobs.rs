//! Where the bytes of pictures are: a folder, or a bucket of anything that speaks S3.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use kernel::{
    BoxError, Fault,
    chrono::{DateTime, Utc},
};
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder, local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use std::{
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use url::Url;

/// Objects with this many bytes are read at once.
const SMALL: u64 = 256 << 10;

/// A store of objects. An object is there whole or not at all, whatever happens to the process that writes it.
#[derive(Clone)]
pub(crate) struct Blobs {
    /// Not yet there while its folder cannot be made.
    opened: Arc<OnceLock<Arc<dyn ObjectStore>>>,
    /// Where they are, if that is a folder.
    folder: Option<PathBuf>,
}

/// An object that is being read.
pub(crate) struct Blob {
    pub(crate) length: u64,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Whole(Bytes),
    Stream(BoxStream<'static, Result<Bytes, Fault>>),
}

impl Blobs {
    /// Opens `file://FOLDER` or `s3://KEY_ID:SECRET@BUCKET/PREFIX?region=..&endpoint=..`.
    ///
    /// # Errors
    /// When the address is none of these. A folder that cannot be made is tried again when it is needed: the shop can sell without
    /// pictures.
    pub(crate) fn open(url: &str) -> Result<Self, BoxError> {
        if let Some(folder) = url.strip_prefix("file://") {
            let blobs = Self { opened: Arc::default(), folder: Some(folder.into()) };
            if let Err(e) = blobs.store() {
                tracing::warn!(folder, error = %e, "there are no pictures, because their folder cannot be made: see product.media_url");
            }
            return Ok(blobs);
        }
        let wrong = |why: &str| format!("product.media_url {why}");
        let url = Url::parse(url).map_err(|e| wrong(&format!("is no address: {e}")))?;
        if url.scheme() != "s3" {
            return Err(wrong("must begin with file:// or s3://").into());
        }
        let bucket = url.host_str().ok_or_else(|| wrong("names no bucket"))?;
        // what the address does not say comes from variables of the environment, or the machine (AWS_..)
        let mut s3 = AmazonS3Builder::from_env().with_bucket_name(bucket);
        if let Some(secret) = url.password() {
            let plain = |text: &str| {
                url::form_urlencoded::parse(format!("k={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned())
                    .unwrap_or_default()
            };
            s3 = s3.with_access_key_id(plain(url.username())).with_secret_access_key(plain(secret));
        }
        for (name, value) in url.query_pairs() {
            s3 = match &*name {
                "region" => s3.with_region(value),
                "endpoint" => s3.with_allow_http(value.starts_with("http://")).with_endpoint(value),
                other => return Err(wrong(&format!("has an unknown parameter: {other}")).into()),
            };
        }
        let store: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(s3.build()?, url.path().trim_matches('/')));
        Ok(Self { opened: Arc::new(OnceLock::from(store)), folder: None })
    }

    fn store(&self) -> Result<&dyn ObjectStore, Fault> {
        if let Some(store) = self.opened.get() {
            return Ok(store);
        }
        let folder = self.folder.as_deref().unwrap_or(std::path::Path::new(""));
        fs::create_dir_all(folder).map_err(away)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(away)?;
        Ok(self.opened.get_or_init(|| Arc::new(store)))
    }

    /// A file without a name, which is gone with the process, however that ends: beside the objects, if these are in a folder, because
    /// there is room for it.
    ///
    /// # Errors
    /// `unavailable` when it cannot be made.
    pub(crate) async fn temporary_file(&self) -> Result<fs::File, Fault> {
        let folder = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        self.store()?;
        let made = tokio::task::spawn_blocking(|| tempfile::tempfile_in(folder)).await;
        made.map_err(Fault::internal)?.map_err(away)
    }

    /// Writes an object.
    ///
    /// # Errors
    /// `unavailable` when the store does not take it.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), Fault> {
        self.store()?.put(&Path::from(key), PutPayload::from(bytes)).await.map_err(away)?;
        Ok(())
    }

    /// An object; `None` when there is none.
    ///
    /// # Errors
    /// `unavailable` when the store does not answer.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Blob>, Fault> {
        let found = match self.store()?.get(&Path::from(key)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(away(e)),
        };
        let length = found.meta.size;
        let content = if length <= SMALL {
            Content::Whole(found.bytes().await.map_err(away)?)
        } else {
            Content::Stream(found.into_stream().map_err(away).boxed())
        };
        Ok(Some(Blob { length, content }))
    }

    /// All bytes of an object; `None` when there is none.
    ///
    /// # Errors
    /// `unavailable` when the store does not answer.
    pub(crate) async fn bytes(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        match self.store()?.get(&Path::from(key)).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(away)?)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(away(e)),
        }
    }

    /// Removes objects. Those that are not there are no error.
    ///
    /// # Errors
    /// `unavailable` when the store does not answer.
    pub(crate) async fn remove(&self, keys: impl IntoIterator<Item = String>) -> Result<(), Fault> {
        for key in keys {
            match self.store()?.delete(&Path::from(key)).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(e) => return Err(away(e)),
            }
        }
        Ok(())
    }

    /// Removes what is left in a folder of objects whose writing was cut off before a time; nothing else ever sees it.
    ///
    /// # Errors
    /// `internal` when a file cannot be removed.
    pub(crate) async fn remove_parts(&self, folder: &str, before: DateTime<Utc>) -> Result<(), Fault> {
        let Some(folder) = self.folder.as_ref().map(|root| root.join(folder)).filter(|folder| folder.exists()) else {
            return Ok(());
        };
        let sweep = move || -> io::Result<()> {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                // as `object_store` names them
                let is_part = entry.file_name().to_string_lossy().contains('#');
                if is_part && DateTime::<Utc>::from(entry.metadata()?.modified()?) < before {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        tokio::task::spawn_blocking(sweep).await.map_err(Fault::internal)?.map_err(Fault::internal)
    }

    /// Keys and times of the objects in a folder.
    ///
    /// # Errors
    /// `unavailable` when the store does not answer.
    pub(crate) fn list(&self, folder: &str) -> Result<impl Stream<Item = Result<(String, DateTime<Utc>), Fault>> + use<>, Fault> {
        let all = self.store()?.list(Some(&Path::from(folder)));
        Ok(all.map_ok(|object| (object.location.to_string(), object.last_modified)).map_err(away))
    }
}

fn away(e: impl fmt::Display) -> Fault {
    Fault::unavailable("The store of the pictures is not available", e)
}
