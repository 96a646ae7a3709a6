//! An answer that is not JSON: a picture, a file. It is sent while it is read.

use crate::{ETag, Fault, upload::Chunks};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::fmt;

/// The answer of an operation that is not JSON. The server answers `If-None-Match` and `Range` (RFC 9110) from it.
pub struct Download {
    pub(crate) media_type: String,
    pub(crate) length: Option<u64>,
    pub(crate) etag: Option<ETag>,
    pub(crate) is_immutable: bool,
    pub(crate) file_name: Option<String>,
    pub(crate) chunks: Chunks,
}

impl Download {
    /// An answer of this media type, and of this many bytes if that is known: then a caller may ask for a part of it.
    pub fn new(
        media_type: impl Into<String>,
        length: Option<u64>,
        chunks: impl Stream<Item = Result<Bytes, Fault>> + Send + 'static,
    ) -> Self {
        let (etag, is_immutable, file_name) = (None, false, None);
        Self { media_type: media_type.into(), length, etag, is_immutable, file_name, chunks: Chunks::new(chunks) }
    }

    /// An answer that is in memory.
    pub fn of(media_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::new(media_type, Some(body.len() as u64), stream::iter([Ok(body)]))
    }

    /// The same answer with a strong entity tag: visible ASCII without quotation marks, another one for other bytes.
    pub fn tagged(self, tag: impl fmt::Display) -> Self {
        Self { etag: Some(ETag::strong(tag)), ..self }
    }

    /// The same answer, which anyone may keep for a year without asking again: at its address, there will never be other bytes.
    pub fn immutable(self) -> Self {
        Self { is_immutable: true, ..self }
    }

    /// The same answer, to be saved under this name. Other characters than ASCII letters, digits, `.`, `-` and `_` become `_`.
    pub fn named(self, name: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        Self { file_name: Some(name.chars().map(plain).collect()), ..self }
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The number of bytes, if it is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Its tag.
    pub fn etag(&self) -> Option<&ETag> {
        self.etag.as_ref()
    }

    /// Whether anyone may keep it for a year.
    pub fn is_immutable(&self) -> bool {
        self.is_immutable
    }

    /// The name to save it under.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// The next bytes; `None` after the last ones.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        self.chunks.next().await.transpose()
    }

    /// All bytes, in memory.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({:?}, {:?} bytes, {:?})", self.media_type, self.length, self.etag)
    }
}
