//! Where messages end up in tests: a mail server and an SMS provider that do as they are told.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicU32, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
};

/// What a mail server does with mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes it.
    Takes,
    /// Refuses every recipient for good.
    Refuses,
    /// Is about to close.
    IsClosing,
    /// Takes everything but the end of the mail, and then says nothing.
    IsSilent,
}

/// A mail that was taken.
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
    mood: Mutex<Mood>,
    mails: Mutex<Vec<Mail>>,
    /// Connections so far.
    knocks: AtomicU32,
}

impl MailServer {
    pub(crate) fn closed() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let state = State { mood: Mutex::new(Mood::Takes), mails: Mutex::default(), knocks: AtomicU32::new(0) };
        Self { port, socket: Mutex::new(Some(socket)), state: Arc::new(state) }
    }

    pub(crate) fn open(&self) {
        let listener = self.socket.lock().unwrap().take().expect("opened once").listen(64).unwrap();
        let state = self.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                state.knocks.fetch_add(1, Ordering::SeqCst);
                // a client that leaves is no error
                let state = state.clone();
                tokio::spawn(async move { drop(serve(stream, &state).await) });
            }
        });
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().unwrap().clone()
    }

    pub(crate) fn knocks(&self) -> u32 {
        self.state.knocks.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 sink\r\n").await?;
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let mood = *state.mood.lock().unwrap();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-sink\r\n250 8BITMIME\r\n",
            "MAIL" if mood == Mood::IsClosing => "421 closing\r\n",
            "MAIL" => {
                to.clear();
                "250 ok\r\n"
            }
            "RCPT" if mood == Mood::Refuses => "550 no such mailbox\r\n",
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
                if *state.mood.lock().unwrap() == Mood::IsSilent {
                    std::future::pending::<()>().await;
                }
                state.mails.lock().unwrap().push(Mail { to: to.clone(), data });
                "250 taken\r\n"
            }
            "QUIT" => return writing.write_all(b"221 bye\r\n").await,
            _ => "250 ok\r\n",
        };
        writing.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// What an SMS provider was told.
#[derive(Debug, Clone)]
pub(crate) struct Sms {
    pub(crate) authorization: Option<String>,
    pub(crate) key: String,
    pub(crate) body: Value,
}

/// An SMS provider.
pub(crate) struct SmsProvider {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Sms>>>,
    status: Arc<AtomicU16>,
    handle: ServerHandle,
}

impl SmsProvider {
    pub(crate) fn start() -> Self {
        let (asked, status) = (Arc::<Mutex<Vec<Sms>>>::default(), Arc::new(AtomicU16::new(202)));
        let (tell, told) = std::sync::mpsc::channel();
        let state = (asked.clone(), status.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(web::Data::new(state.clone())).default_service(web::to(take));
                let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                let url = format!("http://{}/sms", server.addrs()[0]);
                let server = server.run();
                tell.send((url, server.handle())).unwrap();
                server.await
            })
        });
        let (url, handle) = told.recv().unwrap();
        Self { url, asked, status, handle }
    }

    /// From now on this is answered.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> Vec<Sms> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for SmsProvider {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn take(
    state: web::Data<(Arc<Mutex<Vec<Sms>>>, Arc<AtomicU16>)>,
    request: HttpRequest,
    body: web::Json<Value>,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let sms = Sms { authorization: header("authorization"), key: header("idempotency-key").unwrap(), body: body.into_inner() };
    state.0.lock().unwrap().push(sms);
    HttpResponse::new(StatusCode::from_u16(state.1.load(Ordering::SeqCst)).unwrap())
}
