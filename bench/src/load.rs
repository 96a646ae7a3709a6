//! Loads a server: connections that stay open, each with one request at a time, on one thread.
//!
//! Written on the socket, so that the generator takes as little as possible of the processors that the servers need.

use anyhow::{Context, bail, ensure};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// The result of loading a server.
pub(crate) struct Measured {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
    /// Microseconds in which half of the requests, and 99 of 100, were answered.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Seconds of processor time of the server per request.
    pub(crate) cpu: f64,
}

/// Loads the server for this long with the paths of requests 0, 1, 2, ... of each connection. Any answer but 200 is an error.
pub(crate) fn run(
    address: SocketAddr,
    path: impl Fn(u64) -> String + Clone + 'static,
    connections: u64,
    time: Duration,
) -> anyhow::Result<Measured> {
    on_this_thread(tokio::task::LocalSet::new().run_until(async {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in 0..connections {
            let path = path.clone();
            tasks.spawn_local(async move {
                let (mut connection, mut n) = (Connection::open(address).await?, connection << 32);
                let mut micros = Vec::new();
                while started.elapsed() < time {
                    let sent = Instant::now();
                    connection.get(&path(n)).await?;
                    micros.push(sent.elapsed().as_secs_f64() * 1e6);
                    n += 1;
                }
                anyhow::Ok(micros)
            });
        }
        let mut micros = Vec::new();
        while let Some(finished) = tasks.join_next().await {
            micros.append(&mut finished??);
        }
        let took = started.elapsed().as_secs_f64();
        ensure!(!micros.is_empty(), "no request was answered");
        micros.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let requests = micros.len() as f64;
        let (p50, p99) = (micros[micros.len() / 2], micros[micros.len() * 99 / 100]);
        Ok(Measured { requests, per_second: requests / took, p50, p99, cpu: 0.0 })
    }))
}

/// The body of one answer.
pub(crate) fn once(address: SocketAddr, path: &str) -> anyhow::Result<Vec<u8>> {
    on_this_thread(async { Ok(Connection::open(address).await?.get(path).await?.to_vec()) })
}

fn on_this_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

struct Connection {
    stream: TcpStream,
    request: String,
    received: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| address.to_string())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: String::new(), received: Vec::with_capacity(16_384) })
    }

    /// Gets a path; returns the body of the answer.
    async fn get(&mut self, path: &str) -> anyhow::Result<&[u8]> {
        self.request.clear();
        self.request.extend(["GET ", path, " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"]);
        self.stream.write_all(self.request.as_bytes()).await?;
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await?;
            ensure!(read > 0, "{path}: the connection was closed");
            if let Some(body) = body(&self.received)? {
                return Ok(&self.received[body..]);
            }
        }
    }
}

/// The position of the body of a response, if the response is complete.
fn body(received: &[u8]) -> anyhow::Result<Option<usize>> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = &received[..end];
    ensure!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(received));
    let Some(length) = head.windows(LENGTH.len()).position(|bytes| bytes.eq_ignore_ascii_case(LENGTH)) else {
        bail!("an answer without Content-Length");
    };
    let digits = head[length + LENGTH.len()..].split(|byte| *byte == b'\r').next().unwrap_or_default();
    let length: usize = std::str::from_utf8(digits)?.trim().parse()?;
    let start = end + 4;
    Ok((received.len() >= start + length).then_some(start))
}
