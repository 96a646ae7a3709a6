//! The body of a request that is not JSON, or too large for memory: it is read while it arrives.

use crate::{Accepts, Code, Fault, Op};
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

/// Bytes that arrive piece by piece. An error is the last item.
///
/// The lock is never taken: it makes references to it move between threads, as those to all arguments of calls do.
pub(crate) struct Chunks(Mutex<Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>>);

impl Chunks {
    pub(crate) fn new(chunks: impl Stream<Item = Result<Bytes, Fault>> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(chunks)))
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll_next(cx)
    }
}

/// The body of a request as a stream. A parameter of this type is read by its operation, piece by piece: whatever its size, only
/// some hundred kilobytes of it are in memory.
///
/// Dropping it leaves the rest unread.
pub struct Upload {
    media_type: String,
    length: Option<u64>,
    /// More bytes than this are a fault.
    max: u64,
    read: u64,
    state: State,
}

enum State {
    Going(Chunks),
    Ended,
    Failed(Fault),
}

impl Upload {
    /// A body of this media type, and of this many bytes if that is known.
    pub fn new(
        media_type: impl Into<String>,
        length: Option<u64>,
        chunks: impl Stream<Item = Result<Bytes, Fault>> + Send + 'static,
    ) -> Self {
        Self { media_type: media_type.into(), length, max: u64::MAX, read: 0, state: State::Going(Chunks::new(chunks)) }
    }

    /// A body that is in memory.
    pub fn of(media_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self::new(media_type, Some(body.len() as u64), stream::iter([Ok(body)]))
    }

    /// What the sender says it is, e.g. `image/png; q=1`; empty when it says nothing.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The number of bytes, if the sender says it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next bytes; `None` after the last ones.
    ///
    /// # Errors
    /// `payload_too_large` when there are more bytes than the operation takes, and `invalid_argument` when the sender leaves, or
    /// pauses for too long. It is the same error when it is asked again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    /// The same body, if the operation takes its media type and its length. No more bytes than the operation takes will come.
    #[doc(hidden)]
    pub fn admitted(self, op: &Op) -> Result<Self, Fault> {
        let Some(Accepts { media_types, max }) = op.upload else { return Ok(self) };
        let essence = self.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !media_types.contains(&essence.as_str()) {
            let rule = format!("must be {}", media_types.join(" or "));
            return Err(Fault::new(Code::UnsupportedMediaType, format!("Content-Type {rule}")).at("/Content-Type", rule));
        }
        if self.length.is_some_and(|length| length > max) {
            return Err(too_large(max));
        }
        Ok(Self { max, ..self })
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let chunks = match &mut self.state {
            State::Going(chunks) => chunks,
            State::Ended => return Poll::Ready(None),
            State::Failed(fault) => return Poll::Ready(Some(Err(fault.clone()))),
        };
        let next = match ready!(Pin::new(chunks).poll_next(cx)) {
            Some(Ok(bytes)) => {
                self.read = self.read.saturating_add(bytes.len() as u64);
                Some(if self.read > self.max { Err(too_large(self.max)) } else { Ok(bytes) })
            }
            other => other,
        };
        match &next {
            Some(Ok(_)) => {}
            Some(Err(fault)) => self.state = State::Failed(fault.clone()),
            None => self.state = State::Ended,
        }
        Poll::Ready(next)
    }
}

fn too_large(max: u64) -> Fault {
    Fault::new(Code::PayloadTooLarge, format!("The body must have at most {max} bytes"))
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({:?}, {:?} bytes, {} read)", self.media_type, self.length, self.read)
    }
}

/// An upload on its way to another process. Clones share it, so that it is still there after an attempt that has read nothing.
#[derive(Clone)]
pub(crate) struct Sending(Arc<Mutex<(Upload, bool)>>);

impl Sending {
    pub(crate) fn new(upload: Upload) -> Self {
        Self(Arc::new(Mutex::new((upload, false))))
    }

    /// Whether some of it may have been sent.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Why it could not be sent to its end, when that is not the receiver's fault.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match &self.0.lock().unwrap_or_else(PoisonError::into_inner).0.state {
            State::Failed(fault) => Some(fault.clone()),
            _ => None,
        }
    }

    /// Its media type and its length.
    pub(crate) fn head(&self) -> (String, Option<u64>) {
        let upload = &self.0.lock().unwrap_or_else(PoisonError::into_inner).0;
        (upload.media_type.clone(), upload.length)
    }
}

impl Stream for Sending {
    type Item = Result<Bytes, Fault>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (upload, has_begun) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *has_begun = true;
        upload.poll_chunk(cx)
    }
}
