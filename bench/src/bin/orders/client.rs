//! A client of the shop: one connection that stays open, with one request at a time.
//!
//! Written on the socket, so that the generator takes as little as possible of the processors that the servers need.

use anyhow::{Context, ensure};
use serde::de::DeserializeOwned;
use std::{fmt::Write, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    request: String,
    received: Vec<u8>,
}

/// A request. Empty members are not sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    pub(crate) key: &'a str,
    pub(crate) json: &'a str,
}

/// An answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// The body, if the status is this one.
    pub(crate) fn json<T: DeserializeOwned>(&self, status: u16) -> anyhow::Result<T> {
        self.expect(status)?;
        Ok(serde_json::from_slice(self.body)?)
    }

    /// Succeeds if the status is this one.
    pub(crate) fn expect(&self, status: u16) -> anyhow::Result<()> {
        ensure!(self.status == status, "{}: {}", self.status, String::from_utf8_lossy(self.body));
        Ok(())
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, request: String::new(), received: Vec::with_capacity(16_384) }
    }

    /// Sends a request and waits for the answer. After an error the next request has a new connection.
    pub(crate) async fn send(&mut self, request: Request<'_>) -> anyhow::Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await.with_context(|| self.address.to_string())?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        let Request { method, path, token, key, json } = request;
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n", json.len())?;
        for (name, value) in [("Authorization: Bearer ", token), ("Idempotency-Key: ", key)] {
            if !value.is_empty() {
                self.request.extend([name, value, "\r\n"]);
            }
        }
        self.request.extend([if json.is_empty() { "" } else { "Content-Type: application/json\r\n" }, "\r\n", json]);
        stream.write_all(self.request.as_bytes()).await?;
        self.received.clear();
        loop {
            let read = stream.read_buf(&mut self.received).await?;
            ensure!(read > 0, "{method} {path}: the connection was closed");
            if let Some(answer) = parse(&self.received)? {
                self.stream = Some(stream);
                return Ok(Answer { status: answer.0, retry_after: answer.1, body: &self.received[answer.2..] });
            }
        }
    }
}

/// Status, whether there is a `Retry-After`, and the position of the body, if the response is complete.
fn parse(received: &[u8]) -> anyhow::Result<Option<(u16, bool, usize)>> {
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end])?;
    let header = |wanted: &str| {
        let of =
            |line: &'_ str| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, v)| v.len());
        head.lines().find_map(|line| of(line).map(|length| &line[line.len() - length..]))
    };
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let length: usize = header("content-length").map_or(Ok(0), str::parse)?;
    ensure!(header("transfer-encoding").is_none(), "an answer without Content-Length");
    let body = end + 4;
    Ok((received.len() >= body + length).then(|| (status, header("retry-after").is_some(), body)))
}
