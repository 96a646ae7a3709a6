//! A proxy to PostgreSQL that records the statements, and how often the shop waits for an answer.
//!
//! It reads the messages of the client (the protocol is documented in chapter 55 of PostgreSQL's manual). It needs no rights on
//! the server and no access to its log. It cannot read encrypted connections.

use anyhow::Context;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// The recorded traffic.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passed {
    /// The statements in order, including `BEGIN` and `COMMIT`.
    pub(crate) statements: Vec<String>,
    /// How often the client waited for an answer.
    pub(crate) round_trips: usize,
    /// How many of these were pings of the connection.
    pub(crate) pings: usize,
    /// How many statements had to be prepared.
    pub(crate) prepared: usize,
}

/// A recorder. Runs as long as the program.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    passed: Arc<Mutex<Passed>>,
}

impl Recorder {
    /// Starts it on a thread of its own, because this thread waits for the shop to start.
    pub(crate) fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let passed = Arc::<Mutex<Passed>>::default();
        let recorder = Self { address, passed: passed.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(accept(listener, server, passed)));
        Ok(recorder)
    }

    /// The traffic since the last call.
    pub(crate) fn take(&self) -> Passed {
        std::mem::take(&mut self.passed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn accept(listener: std::net::TcpListener, server: SocketAddr, passed: Arc<Mutex<Passed>>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let passed = passed.clone();
        tokio::spawn(async move {
            // ends with the connection
            drop(pass(client, server, &passed).await);
        });
    }
}

async fn pass(client: TcpStream, server: SocketAddr, passed: &Mutex<Passed>) -> anyhow::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, mut to_client), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut from_client = BufReader::new(from_client);
    let (mut statements, mut message) = (HashMap::new(), Vec::new());
    let (mut bound, mut executed) = (String::new(), false);
    // the first message has no type
    let mut kind = None;
    loop {
        let mut length = [0; 4];
        from_client.read_exact(&mut length).await?;
        message.resize(usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4), 0);
        from_client.read_exact(&mut message).await?;
        if let Some(kind) = kind {
            let mut texts = message.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
            let mut text = || texts.next().context("a message that is too short");
            let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
            match kind {
                b'P' => {
                    passed.prepared += 1;
                    statements.insert(text()?, text()?);
                    executed = true;
                }
                b'B' => bound = text().and_then(|_| text())?,
                b'E' => {
                    passed.statements.extend(statements.get(&bound).cloned());
                    executed = true;
                }
                b'Q' => {
                    passed.statements.push(text()?);
                    passed.round_trips += 1;
                }
                b'S' => {
                    passed.round_trips += 1;
                    passed.pings += usize::from(!std::mem::take(&mut executed));
                }
                _ => {}
            }
        }
        let mut sent = Vec::from_iter(kind);
        sent.extend(length);
        sent.extend(&message);
        to_server.write_all(&sent).await?;
        kind = Some(from_client.read_u8().await?);
    }
}
