//! The TCP connection below the HTTP parser: it cuts off clients that are too slow, and keeps from the parser input that makes it
//! panic.
//!
//! The parser (actix-http) itself limits the time for the first head of a connection and for idle connections. It limits neither
//! the time for later heads, nor for the rest of a chunked body that was answered before its end, nor for an answer that is not
//! read.

use serde::{Deserialize, Serialize};
use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// How long clients, and other processes of ours, may take over a connection to any port of this process. Milliseconds, at least
/// 1; `head_ms` and `idle_ms` at least 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For the request line and the headers, from their first byte; for the first request of a connection, from its beginning.
    pub head_ms: u64,
    /// For the body of a request.
    pub body_ms: u64,
    /// For taking an answer, once it no longer fits into the buffers of the network.
    pub write_ms: u64,
    /// Between two requests.
    pub idle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { head_ms: 10_000, body_ms: 30_000, write_ms: 30_000, idle_ms: 75_000 }
    }
}

impl Timeouts {
    pub(super) fn head(self) -> Duration {
        Duration::from_millis(self.head_ms)
    }

    pub(super) fn body(self) -> Duration {
        Duration::from_millis(self.body_ms)
    }

    fn write(self) -> Duration {
        Duration::from_millis(self.write_ms)
    }

    pub(super) fn idle(self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

/// The progress of a connection with its requests: set by the middleware `front`, read by the connection.
#[derive(Clone)]
pub(super) struct Exchange(Rc<State>);

struct State {
    phase: Cell<Phase>,
    is_body_read: Cell<bool>,
    timeouts: Timeouts,
}

#[derive(Clone, Copy)]
enum Phase {
    /// No request is being answered.
    Waiting { since: Instant, first_byte: Option<Instant> },
    /// A request is being answered.
    Answering,
    /// The last request was answered: nothing more is read.
    Over,
}

impl Exchange {
    fn new(timeouts: Timeouts) -> Self {
        let phase = Cell::new(Phase::Waiting { since: Instant::now(), first_byte: None });
        Self(Rc::new(State { phase, is_body_read: Cell::new(false), timeouts }))
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.0.timeouts
    }

    /// A request is being answered, until the guard is dropped.
    pub(super) fn begin(&self) -> Answering {
        self.0.phase.set(Phase::Answering);
        self.0.is_body_read.set(false);
        Answering(self.clone())
    }

    /// The body of this request has been read to its end.
    pub(super) fn body_is_read(&self) {
        self.0.is_body_read.set(true);
    }

    pub(super) fn is_body_read(&self) -> bool {
        self.0.is_body_read.get()
    }

    /// Nothing is read after this request.
    pub(super) fn is_the_last(&self) {
        self.0.phase.set(Phase::Over);
    }

    fn is_late(&self) -> bool {
        let (head, idle) = (self.0.timeouts.head(), self.0.timeouts.idle());
        match self.0.phase.get() {
            Phase::Waiting { since, first_byte } => {
                first_byte.is_some_and(|at| at.elapsed() >= head) || since.elapsed() >= head + idle
            }
            Phase::Answering | Phase::Over => false,
        }
    }

    /// When to check again whether it is late.
    fn look_at(&self) -> Instant {
        let head = self.0.timeouts.head();
        match self.0.phase.get() {
            Phase::Waiting { first_byte: Some(at), .. } => at + head,
            _ => Instant::now() + head,
        }
    }

    fn got_bytes(&self) {
        if let Phase::Waiting { since, first_byte: None } = self.0.phase.get() {
            self.0.phase.set(Phase::Waiting { since, first_byte: Some(Instant::now()) });
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.0.phase.get(), Phase::Over)
    }

    fn is_waiting(&self) -> bool {
        matches!(self.0.phase.get(), Phase::Waiting { .. })
    }
}

/// See [`Exchange::begin`].
pub(super) struct Answering(Exchange);

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.0.phase.set(Phase::Waiting { since: Instant::now(), first_byte: None });
        }
    }
}

/// A connection that was accepted.
pub(super) struct Connection {
    /// Taken away only when it is dropped.
    io: Option<TcpStream>,
    exchange: Exchange,
    names: Names,
    /// Fires when it is time to check whether a request is late, or before.
    look: Pin<Box<Sleep>>,
    /// While an answer waits to be taken.
    write: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

impl Connection {
    pub(super) fn new(io: TcpStream, timeouts: Timeouts) -> Self {
        let look = Box::pin(sleep(timeouts.head()));
        Self { io: Some(io), exchange: Exchange::new(timeouts), names: Names::default(), look, write: None, has_ended: false }
    }

    pub(super) fn exchange(&self) -> Exchange {
        self.exchange.clone()
    }

    fn io(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.io.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Answers without the parser.
    fn refuse_head(&mut self) {
        const BODY: &str = concat!(
            r#"{"type":"urn:souk:problem:invalid_argument","title":"Request header fields too large","status":431,"#,
            r#""detail":"The name of a header is too long","code":"invalid_argument","error":"The name of a header is too long"}"#,
        );
        // an answer to an earlier request that is still on its way must not be mixed up with this one
        if self.exchange.is_waiting()
            && self.write.is_none()
            && let Some(io) = &self.io
        {
            let answer = format!(
                "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
                 cache-control: no-store\r\nx-content-type-options: nosniff\r\ncontent-length: {}\r\n\r\n{BODY}",
                BODY.len()
            );
            // if it does not fit, the client does not read
            drop(io.try_write(answer.as_bytes()));
        }
        self.exchange.is_the_last();
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.look.as_mut().poll(cx).is_ready() {
            if self.exchange.is_late() {
                tracing::debug!("a client took too long to send a request, and is cut off");
                self.exchange.is_the_last();
                break;
            }
            let next = self.exchange.look_at();
            self.look.as_mut().reset(next);
        }
        if self.exchange.is_over() {
            // an end, for the parser
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(self.io()?.poll_read(cx, buf))?;
        if buf.filled().len() == before {
            self.has_ended = true;
        } else if self.names.are_too_long(&buf.filled()[before..]) {
            buf.set_filled(before);
            self.refuse_head();
        } else {
            self.exchange.got_bytes();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.io()?.poll_write(cx, bytes);
        match written {
            Poll::Ready(Ok(count)) if count == bytes.len() => self.write = None,
            Poll::Pending => {
                let patience = self.exchange.timeouts().write();
                let write = self.write.get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(write.as_mut().poll(cx));
                tracing::debug!("a client took too long to read an answer, and is cut off");
                if let Some(io) = self.io.take() {
                    // bytes that it has not taken are thrown away
                    drop(io.set_zero_linger());
                }
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // some bytes: a client that takes them one by one gets no more time
            Poll::Ready(_) => {}
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io()?.poll_shutdown(cx)
    }
}

impl Drop for Connection {
    /// Closing while there is something to read resets a connection, and the client may never see why: for a moment longer, its
    /// bytes are read and thrown away (RFC 9112 §9.6).
    fn drop(&mut self) {
        const MOMENT: Duration = Duration::from_secs(1);
        const MOST: u64 = 8 << 20;
        if let (Some(mut io), false, Ok(runtime)) = (self.io.take(), self.has_ended, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(MOMENT, async move {
                io.shutdown().await?;
                tokio::io::copy(&mut io.take(MOST), &mut tokio::io::sink()).await
            }));
        }
    }
}

/// Finds names of headers that are longer than the parser's type for them can be: it panics at one.
///
/// It knows no difference between a head and a body. That does not matter: in JSON no line begins with so many letters and digits
/// and then a colon, since text has a quotation mark before it, and after it.
#[derive(Default)]
struct Names {
    /// The length of the possible name at the beginning of the current line.
    length: usize,
    /// The rest of the line is no name.
    is_past: bool,
}

impl Names {
    /// The longest one that `http::HeaderName` takes.
    const LONGEST: usize = u16::MAX as usize;

    /// Reads on.
    fn are_too_long(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.is_past {
                let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return false };
                bytes = &bytes[end + 1..];
                *self = Self::default();
                continue;
            }
            let end = bytes.iter().position(|&byte| !is_token(byte)).unwrap_or(bytes.len());
            self.length += end;
            if let Some(&next) = bytes.get(end) {
                if next == b':' && self.length > Self::LONGEST {
                    return true;
                }
                self.is_past = true;
            }
            bytes = &bytes[end..];
        }
        false
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_name_that_is_too_long_is_found_however_it_is_cut_up() {
        let head = |length: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}: 1\r\n\r\n", "a".repeat(length)).into_bytes();
        for piece in [1, 7, 4096, 200_000] {
            let is_found = |bytes: &[u8]| {
                let mut names = Names::default();
                bytes.chunks(piece).any(|piece| names.are_too_long(piece))
            };
            assert!(!is_found(&head(Names::LONGEST)), "{piece}");
            assert!(is_found(&head(Names::LONGEST + 1)), "{piece}");
            let text = "a".repeat(100_000);
            for body in [format!("{{\n\"{text}\": \"{text}:\"\n}}"), format!("{text}\n:"), format!(": {text}:"), text.clone()] {
                assert!(!is_found(body.as_bytes()), "{piece}");
            }
        }
    }
}
