//! Bodies and answers that are streams: the same in every placement, whole or not at all, and never in memory.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use garde::Validate;
use kernel::{
    ApiError, Code, Ctx, Download, Fault, Op, Request, Upload, placements,
    testing::{Server, Stores, anonymous},
};
use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use utoipa::{IntoParams, ToSchema};

const MB: u64 = 1_000_000;

/// A module that takes and gives bytes.
#[kernel::api(module = "pipe")]
pub trait PipeApi {
    /// Reads a stream to its end.
    #[post(
        "/streams",
        access = anyone,
        retry = never,
        upload("application/octet-stream", "text/plain", max = "60 MB"),
        within = "5min"
    )]
    async fn swallow(&self, cx: &Ctx, body: Upload) -> Result<Swallowed, PipeError>;

    /// Reads the first bytes, and waits, or fails.
    #[post("/sips", access = anyone, retry = never, upload("text/plain", max = "60 MB"), errors(Enough))]
    async fn sip(&self, cx: &Ctx, query: Sip, body: Upload) -> Result<Swallowed, PipeError>;

    /// Gives bytes.
    #[get("/bytes/{count}", access = anyone, download("text/plain"))]
    async fn give(&self, cx: &Ctx, count: u64) -> Result<Download, PipeError>;

    /// Gives some bytes, and breaks off.
    #[get("/breaks", access = anyone, download("text/plain"))]
    async fn break_off(&self, cx: &Ctx) -> Result<Download, PipeError>;

    /// Gives bytes whose number it does not know.
    #[get("/endless", access = anyone, download("text/csv"))]
    async fn export(&self, cx: &Ctx) -> Result<Download, PipeError>;

    /// Gives what it has not declared.
    #[get("/surprises", access = anyone, download("text/csv"), errors(Enough))]
    async fn surprise(&self, cx: &Ctx, query: Sip) -> Result<Download, PipeError>;
}

/// What to do after the first bytes.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct Sip {
    /// Fail.
    #[garde(skip)]
    pub fail: bool,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Swallowed {
    /// What the sender said it is.
    pub media_type: String,
    /// What the sender said it has.
    pub length: Option<u64>,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256.
    pub hash: String,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "pipe")]
pub enum PipeError {
    /// It will take no more.
    #[error("Enough")]
    #[api(conflict)]
    Enough,
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}

#[derive(Clone, Default)]
struct Pipe {
    begun: Arc<AtomicU64>,
    /// How streams that broke off ended.
    broken: Arc<Mutex<Vec<Fault>>>,
    broke: Arc<Notify>,
    first: Arc<Notify>,
    go_on: Arc<Notify>,
    given: Arc<AtomicU64>,
}

impl Pipe {
    async fn read(&self, mut body: Upload) -> Result<Swallowed, PipeError> {
        let (media_type, length) = (body.media_type().to_owned(), body.length());
        let (mut bytes, mut hash) = (0, Sha256::new());
        loop {
            match body.chunk().await {
                Ok(Some(chunk)) => {
                    bytes += chunk.len() as u64;
                    hash.update(&chunk);
                }
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(body.chunk().await, Err(fault.clone()), "a stream that broke off has not ended");
                    self.broken.lock().unwrap().push(fault.clone());
                    self.broke.notify_one();
                    return Err(fault.into());
                }
            }
        }
        assert_eq!(body.chunk().await, Ok(None));
        Ok(Swallowed { media_type, length, bytes, hash: format!("{:x}", hash.finalize()) })
    }
}

impl PipeApi for Pipe {
    async fn swallow(&self, _: &Ctx, body: Upload) -> Result<Swallowed, PipeError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.first.notify_one();
        self.read(body).await
    }

    async fn sip(&self, _: &Ctx, query: Sip, mut body: Upload) -> Result<Swallowed, PipeError> {
        body.chunk().await?;
        self.first.notify_one();
        if query.fail {
            return Err(PipeError::Enough);
        }
        self.go_on.notified().await;
        self.read(body).await
    }

    async fn give(&self, _: &Ctx, count: u64) -> Result<Download, PipeError> {
        let given = self.given.clone();
        let chunks = pieces(count, move |bytes| _ = given.fetch_add(bytes, Ordering::SeqCst));
        Ok(Download::new("text/plain", Some(count), chunks).tagged(format_args!("of-{count}")).immutable().named("a \"b\".txt"))
    }

    async fn break_off(&self, _: &Ctx) -> Result<Download, PipeError> {
        let chunks = stream::iter([Ok(Bytes::from_static(b"some")), Err(Fault::away("The store is away"))]);
        Ok(Download::new("text/plain", Some(10), chunks))
    }

    async fn export(&self, _: &Ctx) -> Result<Download, PipeError> {
        Ok(Download::new("text/csv", None, pieces(MB, |_| ())))
    }

    async fn surprise(&self, _: &Ctx, query: Sip) -> Result<Download, PipeError> {
        if query.fail { Err(PipeError::Enough) } else { Ok(Download::of("text/html", "<p>")) }
    }
}

/// Digits, as many as `count`, in pieces of some kilobytes, each of which is counted.
fn pieces(count: u64, counted: impl Fn(u64) + Send + 'static) -> impl Stream<Item = Result<Bytes, Fault>> + Send {
    const PIECE: Bytes = Bytes::from_static(&[b'7'; 20_000]);
    stream::unfold(count, move |left| {
        let piece = PIECE.slice(..left.min(PIECE.len() as u64) as usize);
        counted(piece.len() as u64);
        std::future::ready((left > 0).then(|| (Ok(piece.clone()), left - piece.len() as u64)))
    })
}

fn hash_of(count: u64) -> String {
    format!("{:x}", Sha256::digest(vec![b'7'; count as usize]))
}

async fn pipe(_: Stores) -> (Pipe, Pipe) {
    let pipe = Pipe::default();
    (pipe.clone(), pipe)
}

placements! {
    PipeClient, pipe without stores: [
        a_stream_arrives_whole_whatever_its_size,
        what_an_operation_does_not_take_is_refused,
        a_sender_waits_for_a_slow_reader,
        a_stream_that_breaks_off_is_no_end_and_nobodys_fault,
        an_answer_may_come_before_the_end,
        an_answer_that_is_a_stream_arrives_whole,
        a_giver_waits_for_a_slow_reader,
        an_answer_that_breaks_off_is_no_end,
        an_answer_that_is_not_declared_fails,
    ]
}

async fn a_stream_arrives_whole_whatever_its_size(client: PipeClient, _: &Pipe) {
    for (count, length) in [(50 * MB, None), (MB, Some(MB)), (0, Some(0)), (0, None), (1, None)] {
        let body = Upload::new("text/plain; charset=utf-8", length, pieces(count, |_| ()));
        let read = client.swallow(&anonymous(), body).await.unwrap();
        let media_type = "text/plain; charset=utf-8".to_owned();
        assert_eq!(read, Swallowed { media_type, length, bytes: count, hash: hash_of(count) });
    }
}

async fn what_an_operation_does_not_take_is_refused(client: PipeClient, state: &Pipe) {
    for media_type in ["", "image/png", "text/plainer", "text"] {
        let refused = client.swallow(&anonymous(), Upload::of(media_type, "x")).await.unwrap_err();
        assert_eq!(refused.code(), Code::UnsupportedMediaType, "{media_type}");
    }
    let body = Upload::new("text/plain", Some(60 * MB + 1), pieces(60 * MB + 1, |_| ()));
    assert_eq!(client.swallow(&anonymous(), body).await.unwrap_err().code(), Code::PayloadTooLarge);
    assert_eq!(state.begun.load(Ordering::SeqCst), 0, "it was refused by its length");

    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let endless = pieces(2_000 * MB, move |bytes| _ = counted.fetch_add(bytes, Ordering::SeqCst));
    let refused = client.swallow(&anonymous(), Upload::new("TEXT/PLAIN", None, endless)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        (Code::PayloadTooLarge, "The body must have at most 60000000 bytes")
    );
    assert!(sent.load(Ordering::SeqCst) < 61 * MB, "the rest is not even read");
    let exact = Upload::new("text/plain", None, pieces(60 * MB, |_| ()));
    assert_eq!(client.swallow(&anonymous(), exact).await.unwrap().bytes, 60 * MB);
}

/// More than all buffers of the network hold together.
const BUFFERED: u64 = 20 * MB;

async fn a_sender_waits_for_a_slow_reader(client: PipeClient, state: &Pipe) {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let body = Upload::new("text/plain", None, pieces(50 * MB, move |bytes| _ = counted.fetch_add(bytes, Ordering::SeqCst)));
    let call = tokio::spawn(async move { client.sip(&anonymous(), Sip { fail: false }, body).await });
    state.first.notified().await;
    let ran_on = async {
        while sent.load(Ordering::SeqCst) < BUFFERED {
            tokio::task::yield_now().await;
        }
    };
    let ran_on = tokio::time::timeout(Duration::from_millis(500), ran_on).await;
    assert!(ran_on.is_err(), "the sender does not wait");
    state.go_on.notify_one();
    let read = call.await.unwrap().unwrap();
    assert!(read.bytes < 50 * MB && read.bytes > 49 * MB, "all but the first piece: {}", read.bytes);
}

async fn a_stream_that_breaks_off_is_no_end_and_nobodys_fault(client: PipeClient, state: &Pipe) {
    for _ in 0..10 {
        let left = Fault::new(Code::InvalidArgument, "The body could not be read");
        let (begun, fault) = (state.first.clone(), left.clone());
        let breaks = stream::once(async move {
            begun.notified().await;
            Err(fault)
        });
        let chunks = stream::iter([Ok(Bytes::from(vec![b'7'; 100_000]))]).chain(breaks);
        let refused = client.swallow(&anonymous(), Upload::new("text/plain", Some(200_000), chunks)).await;
        assert_eq!(refused, Err(left.clone().into()));
        state.broke.notified().await;
        assert_eq!(state.broken.lock().unwrap().pop(), Some(left));
    }
    let read = client.swallow(&anonymous(), Upload::of("text/plain", "7")).await;
    assert_eq!(read.unwrap().bytes, 1, "the peer is not left alone for it");
}

async fn an_answer_may_come_before_the_end(client: PipeClient, _: &Pipe) {
    for length in [Some(50 * MB), None] {
        let body = Upload::new("text/plain", length, pieces(50 * MB, |_| ()));
        assert_eq!(client.sip(&anonymous(), Sip { fail: true }, body).await, Err(PipeError::Enough));
    }
    assert_eq!(client.swallow(&anonymous(), Upload::of("text/plain", "7")).await.unwrap().bytes, 1);
}

async fn an_answer_that_is_a_stream_arrives_whole(client: PipeClient, _: &Pipe) {
    for count in [0, 1, 50 * MB] {
        let answer = client.give(&anonymous(), count).await.unwrap();
        assert_eq!((answer.media_type(), answer.length()), ("text/plain", Some(count)));
        assert_eq!(answer.etag().unwrap().as_str(), format!("\"of-{count}\""));
        assert_eq!((answer.is_immutable(), answer.file_name()), (true, Some("a__b_.txt")));
        assert_eq!(format!("{:x}", Sha256::digest(answer.bytes().await.unwrap())), hash_of(count));
    }
    let answer = client.export(&anonymous()).await.unwrap();
    assert_eq!((answer.media_type(), answer.length(), answer.etag(), answer.file_name()), ("text/csv", None, None, None));
    assert_eq!(answer.bytes().await.unwrap().len() as u64, MB);
}

async fn a_giver_waits_for_a_slow_reader(client: PipeClient, state: &Pipe) {
    let mut answer = client.give(&anonymous(), 50 * MB).await.unwrap();
    let mut read = answer.chunk().await.unwrap().unwrap().len() as u64;
    let ran_on = async {
        while state.given.load(Ordering::SeqCst) < BUFFERED {
            tokio::task::yield_now().await;
        }
    };
    let ran_on = tokio::time::timeout(Duration::from_millis(500), ran_on).await;
    assert!(ran_on.is_err(), "the giver does not wait");
    while let Some(bytes) = answer.chunk().await.unwrap() {
        read += bytes.len() as u64;
    }
    assert_eq!(read, 50 * MB);
}

async fn an_answer_that_breaks_off_is_no_end(client: PipeClient, _: &Pipe) {
    let code = match client.break_off(&anonymous()).await {
        Ok(broken) => broken.bytes().await.unwrap_err().code(),
        // over the network, maybe before it has begun
        Err(e) => e.code(),
    };
    assert_eq!(code, Code::Unavailable);
}

async fn an_answer_that_is_not_declared_fails(client: PipeClient, _: &Pipe) {
    assert_eq!(client.surprise(&anonymous(), Sip { fail: true }).await.unwrap_err(), PipeError::Enough);
    match client.surprise(&anonymous(), Sip { fail: false }).await {
        // without a codec nothing is compared
        Ok(answer) => assert_eq!(answer.media_type(), "text/html"),
        Err(e) => assert_eq!(e.code(), Code::Internal),
    }
}

fn op(name: &str) -> &'static Op {
    OPS.iter().find(|op| op.name == name).unwrap()
}

/// A request as another process makes it.
async fn ask(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let token = server.key().sign(&anonymous().via("order"), op("give"), path, None, b"").unwrap();
    let request = reqwest::Client::new().request(method, format!("{}{path}", server.address())).bearer_auth(token);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

#[tokio::test]
async fn a_server_answers_conditions_and_ranges() {
    let server = Server::start(Arc::new(PipeClient::local(Pipe::default())));
    let text = |response: &Response, name: &str| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    let whole = ask(&server, Method::GET, "/bytes/10", &[]).await;
    assert_eq!(whole.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("accept-ranges", "bytes"),
        ("etag", "\"of-10\""),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment; filename=\"a__b_.txt\""),
    ] {
        assert_eq!(text(&whole, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(whole.text().await.unwrap(), "7777777777");

    let head = ask(&server, Method::HEAD, "/bytes/10", &[("range", "bytes=0-1")]).await;
    assert_eq!((head.status(), text(&head, "content-length").as_deref()), (StatusCode::OK, Some("10")));
    assert_eq!(head.bytes().await.unwrap().len(), 0);

    for had in ["\"of-10\"", "W/\"of-10\", \"x\"", "*"] {
        let unchanged = ask(&server, Method::GET, "/bytes/10", &[("if-none-match", had), ("range", "bytes=0-1")]).await;
        assert_eq!((unchanged.status(), text(&unchanged, "etag").as_deref()), (StatusCode::NOT_MODIFIED, Some("\"of-10\"")));
        assert_eq!(text(&unchanged, "cache-control").as_deref(), Some("public, max-age=31536000, immutable"));
        assert_eq!(unchanged.bytes().await.unwrap().len(), 0);
    }
    let changed = ask(&server, Method::GET, "/bytes/10", &[("if-none-match", "\"of-9\"")]).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let wrong = ask(&server, Method::GET, "/bytes/10", &[("if-none-match", "of-9")]).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);

    for (range, if_range, expected, bytes) in [
        ("bytes=2-4", None, Some("bytes 2-4/10"), 3),
        ("bytes=-4", None, Some("bytes 6-9/10"), 4),
        ("bytes=2-", Some("\"of-10\""), Some("bytes 2-9/10"), 8),
        ("bytes=2-", Some("W/\"of-10\""), None, 10),
        ("bytes=2-", Some("\"of-9\""), None, 10),
        ("bytes=2-", Some("Fri, 27 Nov 2026 14:00:00 GMT"), None, 10),
        ("bytes=0-1,4-5", None, None, 10),
        ("pages=1", None, None, 10),
    ] {
        let mut headers = vec![("range", range)];
        headers.extend(if_range.map(|tag| ("if-range", tag)));
        let part = ask(&server, Method::GET, "/bytes/10", &headers).await;
        let status = if expected.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        assert_eq!((part.status(), text(&part, "content-range").as_deref()), (status, expected), "{headers:?}");
        assert_eq!(text(&part, "content-length"), Some(bytes.to_string()));
        assert_eq!(part.bytes().await.unwrap().len(), bytes);
    }
    let none = ask(&server, Method::GET, "/bytes/10", &[("range", "bytes=10-")]).await;
    assert_eq!((none.status().as_u16(), text(&none, "content-range").as_deref()), (416, Some("bytes */10")));
    assert_eq!(text(&none, "content-type").as_deref(), Some("application/problem+json"));
    assert_eq!((text(&none, "etag"), text(&none, "cache-control").as_deref()), (None, Some("no-store")));
    let middle = ask(&server, Method::GET, "/bytes/50000000", &[("range", "bytes=49999990-")]).await;
    assert_eq!(middle.bytes().await.unwrap().len(), 10, "a part far inside");
}

/// A connection with a request whose body is to follow.
async fn begin(server: &Server, headers: &str) -> TcpStream {
    let token = server.key().sign(&anonymous().via("order"), op("swallow"), "/streams", None, b"").unwrap();
    let mut connection = TcpStream::connect(server.address().trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /streams HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: text/plain\r\n{headers}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn a_client_that_leaves_is_no_end() {
    for headers in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let pipe = Pipe::default();
        let server = Server::start(Arc::new(PipeClient::local(pipe.clone())));
        let mut connection = begin(&server, headers).await;
        connection.write_all(b"5\r\n77777\r\n").await.unwrap();
        drop(connection);
        tokio::time::timeout(Duration::from_secs(10), pipe.broke.notified()).await.expect("the operation learns of it");
        let fault = pipe.broken.lock().unwrap().pop().unwrap();
        assert_eq!((fault.code(), fault.to_string().as_str()), (Code::InvalidArgument, "The body could not be read"));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_compressed_is_refused_before_it_is_sent() {
    let server = Server::start(Arc::new(PipeClient::local(Pipe::default())));
    for (headers, status) in [
        ("Content-Length: 2000000000", "413"),
        ("Content-Length: 60000001", "413"),
        ("Content-Length: 10\r\nContent-Encoding: gzip", "415"),
    ] {
        let mut connection = begin(&server, headers).await;
        let mut answer = String::new();
        let read = tokio::time::timeout(Duration::from_secs(10), connection.read_to_string(&mut answer)).await;
        read.expect("the connection is closed").unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn the_document_shows_streams() {
    let document = serde_json::to_value(openapi()).unwrap();
    let upload = &document["paths"]["/streams"]["post"];
    let binary = serde_json::json!({"schema": {"type": "string", "format": "binary"}});
    assert_eq!(upload["requestBody"]["content"], serde_json::json!({"application/octet-stream": binary, "text/plain": binary}));
    assert_eq!(upload["requestBody"]["required"], true);
    let download = &document["paths"]["/bytes/{count}"]["get"];
    for status in ["200", "206"] {
        assert_eq!(download["responses"][status]["content"], serde_json::json!({"text/plain": binary}), "{status}");
    }
    for status in ["304", "416"] {
        assert!(download["responses"][status].is_object(), "{status}");
    }
}
