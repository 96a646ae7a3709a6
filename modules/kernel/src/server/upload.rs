//! The body of a request as a stream. The payload of actix-web stays on its thread; the operation may run on another.

use super::{
    connection::{Exchange, Timeouts},
    request::{check_encoding, text},
};
use crate::{BoxFuture, Code, Fault, Reply, Upload};
use actix_web::{
    HttpRequest,
    http::header::{CONTENT_LENGTH, CONTENT_TYPE},
    web,
};
use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream,
};
use std::{pin::pin, time::Duration};
use tokio::sync::mpsc;

/// Pieces that have arrived and were not read yet; each has at most some 32 kilobytes.
const WAITING: usize = 4;

/// How long, and how many bytes, of a body are read that nobody wants any more.
const LINGER: Duration = Duration::from_secs(1);
const DISCARDED: usize = 4 << 20;

/// A piece of a body, or its end: the channel alone would not tell an end from a client that has left.
type Piece = Option<Result<Bytes, Fault>>;

/// Moves a payload into an [`Upload`].
pub(super) struct Pump {
    payload: web::Payload,
    to: mpsc::Sender<Piece>,
    exchange: Option<Exchange>,
    /// Nothing more will come.
    has_ended: bool,
}

/// The body of this request as a stream, and what keeps it going.
///
/// # Errors
/// `unsupported_media_type` when it is compressed.
pub(super) fn open(request: &HttpRequest, payload: web::Payload) -> Result<(Upload, Pump), Fault> {
    check_encoding(request)?;
    let (to, mut from) = mpsc::channel::<Piece>(WAITING);
    let pieces = stream::poll_fn(move |cx| from.poll_recv(cx).map(|piece| piece.unwrap_or(Some(Err(unreadable())))));
    let length = text(request, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    let upload = Upload::new(text(request, CONTENT_TYPE.as_str()).unwrap_or_default(), length, pieces);
    let exchange = request.conn_data::<Exchange>().cloned();
    Ok((upload, Pump { payload, to, exchange, has_ended: false }))
}

impl Pump {
    /// Keeps the stream going until there is an answer. Some of what has not been read by then is thrown away, and the rest is left to the
    /// connection, which closes.
    pub(super) async fn until(mut self, answer: BoxFuture<Reply>) -> Reply {
        let reply = match select(answer, pin!(self.run())).await {
            Either::Left((reply, _)) => reply,
            Either::Right(((), answer)) => answer.await,
        };
        if !self.has_ended {
            actix_web::rt::spawn(tokio::time::timeout(LINGER, discard(self.payload)));
        }
        reply
    }

    async fn run(&mut self) {
        let patience = self.exchange.as_ref().map_or_else(Timeouts::default, Exchange::timeouts).body();
        loop {
            let piece = match tokio::time::timeout(patience, self.payload.next()).await {
                Ok(Some(Ok(bytes))) => Some(Ok(bytes)),
                Ok(Some(Err(_))) => {
                    self.has_ended = true;
                    Some(Err(unreadable()))
                }
                Ok(None) => {
                    self.has_ended = true;
                    if let Some(exchange) = &self.exchange {
                        exchange.body_is_read();
                    }
                    None
                }
                Err(_) => Some(Err(Fault::new(Code::InvalidArgument, "The body took too long to arrive"))),
            };
            let is_last = !matches!(piece, Some(Ok(_)));
            if self.to.send(piece).await.is_err() || is_last {
                return;
            }
        }
    }
}

/// Reads on, for a sender who is not yet listening: a connection that is closed with bytes in it takes the answer along (RFC 9112 §9.6).
async fn discard(mut payload: web::Payload) {
    let mut left = DISCARDED;
    while let Some(Ok(bytes)) = payload.next().await {
        left = left.saturating_sub(bytes.len());
        if left == 0 {
            return;
        }
    }
}

fn unreadable() -> Fault {
    Fault::new(Code::InvalidArgument, "The body could not be read")
}
