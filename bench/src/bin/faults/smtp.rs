//! A mail server that counts.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// The recipients of each delivery, by Message-ID.
pub(crate) type Mails = HashMap<String, Vec<String>>;

/// A mail server that accepts every mail, and keeps them while it is stopped.
pub(crate) struct Sink {
    port: u16,
    mails: Arc<Mutex<Mails>>,
    work: Option<JoinHandle<()>>,
}

/// Whether it answers that it has accepted a mail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manners {
    Polite,
    Mute,
}

impl Sink {
    pub(crate) async fn start(port: u16) -> anyhow::Result<Self> {
        let mut sink = Self { port, mails: Arc::default(), work: None };
        sink.listen().await?;
        Ok(sink)
    }

    /// Accepts mail, again.
    pub(crate) async fn listen(&mut self) -> anyhow::Result<()> {
        self.take(Manners::Polite).await
    }

    /// Accepts mail, and does not answer.
    pub(crate) async fn mute(&mut self) -> anyhow::Result<()> {
        self.take(Manners::Mute).await
    }

    async fn take(&mut self, manners: Manners) -> anyhow::Result<()> {
        self.stop().await;
        let (listener, mails) = (TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?, self.mails.clone());
        self.work = Some(tokio::spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // a session may break off: that is up to the client
                let mails = mails.clone();
                sessions.spawn(async move { drop(session(stream, &mails, manners).await) });
                while sessions.try_join_next().is_some() {}
            }
        }));
        Ok(())
    }

    /// Accepts connections, and says nothing.
    pub(crate) async fn hang(&mut self) -> anyhow::Result<()> {
        self.stop().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        self.work = Some(tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(stream);
            }
        }));
        Ok(())
    }

    /// Closes all connections and accepts no more.
    pub(crate) async fn stop(&mut self) {
        if let Some(work) = self.work.take() {
            work.abort();
            // the result is always `cancelled`
            drop(work.await);
        }
    }

    /// The accepted mails.
    pub(crate) fn mails(&self) -> Mails {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// RFC 5321, as far as clients need it.
async fn session(stream: TcpStream, mails: &Mutex<Mails>, manners: Manners) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut recipients = Vec::new();
    stream.write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "MAIL" | "RSET" => {
                recipients.clear();
                b"250 ok\r\n"
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                recipients.push(address.to_owned());
                b"250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let id = message_id(&mut stream).await?;
                // counted before the answer: a client that gets no answer may send the mail again
                mails.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().push(recipients.join(", "));
                match manners {
                    Manners::Polite => b"250 taken\r\n",
                    Manners::Mute => b"",
                }
            }
            "QUIT" => {
                return stream.write_all(b"221 bye\r\n").await;
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// Reads a mail to its end; returns its Message-ID.
async fn message_id(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut id, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(id);
        }
        if let Some(value) = line.strip_prefix("Message-ID:").filter(|_| id.is_empty()) {
            id = value.trim().to_owned();
        }
    }
}
