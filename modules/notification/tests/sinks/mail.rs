//! A controllable mail server.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
};

/// The behavior of a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Accepts mail.
    Takes,
    /// Refuses every recipient for good, and quotes it.
    Refuses,
    /// Refuses every recipient for now.
    IsBusy,
    /// Is about to close.
    IsClosing,
    /// Does not answer after the recipient.
    IsDeaf,
    /// Reads the mail and does not answer.
    IsSilent,
    /// Reads mail for this recipient and does not answer; accepts all other mail.
    IsSilentFor(&'static str),
    /// Reads the mail and closes the connection without an answer.
    HangsUp,
}

/// A mail that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
}

impl Mail {
    /// A header, unfolded.
    pub(crate) fn header(&self, name: &str) -> String {
        let headers = self.data.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let line = headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {headers}")).to_owned()
    }
}

/// A mail server on a free port. Until it is opened, connections are refused.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    socket: Mutex<Option<TcpSocket>>,
    state: Arc<State>,
}

struct State {
    behavior: Mutex<Behavior>,
    mails: Mutex<Vec<Mail>>,
    /// Connections so far.
    connections: AtomicU32,
    /// All lines of clients, without those of mails.
    heard: Mutex<Vec<String>>,
}

impl MailServer {
    pub(crate) fn closed() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let state = State {
            behavior: Mutex::new(Behavior::Takes),
            mails: Mutex::default(),
            connections: AtomicU32::new(0),
            heard: Mutex::default(),
        };
        Self { port, socket: Mutex::new(Some(socket)), state: Arc::new(state) }
    }

    pub(crate) fn open(&self) {
        let listener = self.socket.lock().unwrap().take().expect("opened once").listen(64).unwrap();
        let state = self.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                state.connections.fetch_add(1, Ordering::SeqCst);
                // a client that leaves is no error
                let state = state.clone();
                tokio::spawn(async move { drop(serve(stream, &state).await) });
            }
        });
    }

    pub(crate) fn set(&self, behavior: Behavior) {
        *self.state.behavior.lock().unwrap() = behavior;
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().unwrap().clone()
    }

    /// Whether a client sent a line that begins with this text.
    pub(crate) fn heard(&self, start: &str) -> bool {
        self.state.heard.lock().unwrap().iter().any(|line| line.starts_with(start))
    }

    pub(crate) fn connections(&self) -> u32 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 sink\r\n").await?;
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let behavior = *state.behavior.lock().unwrap();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        state.heard.lock().unwrap().push(line.clone());
        let reply = match verb.as_str() {
            "RCPT" if behavior == Behavior::IsDeaf => std::future::pending().await,
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n",
            // leyla, sesame
            "AUTH" if line == "AUTH PLAIN AGxleWxhAHNlc2FtZQ==" => "235 welcome\r\n",
            "AUTH" => "535 go away\r\n",
            "MAIL" if behavior == Behavior::IsClosing => "421 closing\r\n",
            "MAIL" => {
                to.clear();
                "250 ok\r\n"
            }
            "RCPT" if behavior == Behavior::Refuses => {
                let refused = line.split(['<', '>']).nth(1).unwrap_or_default();
                writing.write_all(format!("550 <{refused}>: no such mailbox\r\n").as_bytes()).await?;
                continue;
            }
            "RCPT" if behavior == Behavior::IsBusy => "450 the mailbox is busy\r\n",
            "RCPT" => {
                to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                "250 ok\r\n"
            }
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let mut data = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push_str("\r\n");
                }
                // taken before it is said: who does not hear it may send it again
                state.mails.lock().unwrap().push(Mail { to: to.clone(), data });
                let behavior = *state.behavior.lock().unwrap();
                match behavior {
                    Behavior::IsSilent => std::future::pending().await,
                    Behavior::IsSilentFor(one) if to.iter().any(|to| to == one) => std::future::pending().await,
                    Behavior::HangsUp => return Ok(()),
                    _ => "250 taken\r\n",
                }
            }
            "QUIT" => return writing.write_all(b"221 bye\r\n").await,
            _ => "250 ok\r\n",
        };
        writing.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}
