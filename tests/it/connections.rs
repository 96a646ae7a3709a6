//! Raw bytes at a port: no request makes a server panic, and no client can keep a connection for ever.

use crate::harness::souk;
use socket2::{Domain, Socket, Type};
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Stdio},
    thread::JoinHandle,
    time::Duration,
};
use tempfile::TempDir;

/// Settings with short time limits.
const IMPATIENT: [(&str, &str); 3] =
    [("SOUK_TIMEOUTS__HEAD_MS", "1000"), ("SOUK_TIMEOUTS__BODY_MS", "300"), ("SOUK_TIMEOUTS__WRITE_MS", "300")];

/// A process with its two ports.
struct Server {
    child: Child,
    /// Its address, without `http://`.
    ports: [String; 2],
    log: Option<JoinHandle<String>>,
    _folder: TempDir,
}

impl Server {
    fn start(arguments: &[&str], timeouts: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = [&[("PORT", "0"), ("SOUK_WORKERS", "1"), ("SOUK_GATEWAY__LIMITS", "off")], timeouts].concat();
        let mut command = souk(folder.path(), arguments, &settings);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).unwrap();
            String::from_utf8_lossy(&log).into_owned()
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address =
            || lines.by_ref().map(|line| line.unwrap()).find_map(|line| Some(line.split_once("http://")?.1.to_owned()));
        let ports = [address().unwrap(), address().unwrap()];
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, ports, log: Some(log), _folder: folder }
    }

    /// A gateway, and a module alone.
    fn both(timeouts: &[(&str, &str)]) -> [Self; 2] {
        [Self::start(&["serve"], timeouts), Self::start(&["serve", "--only", "product"], timeouts)]
    }

    /// Stops it, and returns what it wrote to its log.
    fn log(mut self) -> String {
        self.child.kill().unwrap();
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Longer than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection whose buffer has room for little more than one answer.
fn connect_narrow(address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

/// All bytes until the other end closes.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Err(e) if e.kind() == ErrorKind::WouldBlock => panic!("still open: {}", String::from_utf8_lossy(&reply)),
        // a reset after the answer is an end, too
        _ => String::from_utf8_lossy(&reply).into_owned(),
    }
}

fn exchange(address: &str, request: &[u8]) -> String {
    let mut stream = connect(address);
    // the server may refuse before it has read everything
    drop(stream.write_all(request));
    read_to_end(&mut stream)
}

fn status(reply: &str) -> &str {
    reply.strip_prefix("HTTP/1.1 ").map_or("none", |rest| &rest[..3])
}

#[test]
fn no_request_makes_a_server_panic() {
    let get = |headers: &str| format!("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n").into_bytes();
    let named = |length: usize| get(&format!("{}: 1\r\n", "a".repeat(length)));
    let after_another = [b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), named(70_000)].concat();
    let line = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").into_bytes();
    let many = |count: usize| get(&(0..count).map(|i| format!("x-{i}: 1\r\n")).collect::<String>());
    let raw = |name: &[u8], value: &[u8]| {
        [b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", name, b": ", value, b"\r\n\r\n"].concat()
    };
    let mut cases: Vec<(String, Vec<u8>, &[&str])> = vec![
        ("a good one".into(), get(""), &["200"]),
        ("after another".into(), after_another, &["200", "431"]),
        ("90 headers".into(), many(90), &["200"]),
        ("97 headers".into(), many(97), &["431"]),
        ("5000 headers".into(), many(5000), &["431"]),
        ("a value of 60 KB".into(), raw(b"x-a", "v".repeat(60_000).as_bytes()), &["431"]),
        ("a value of 200 KB".into(), raw(b"x-a", "v".repeat(200_000).as_bytes()), &["431"]),
        ("a method of 100 KB".into(), format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(100_000)).into_bytes(), &["400"]),
        ("nothing but a".into(), "a".repeat(200_000).into_bytes(), &["400", "431", "none"]),
        ("HTTP/2".into(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &["400"]),
        ("TLS".into(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20), &["400"]),
        ("CONNECT".into(), b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), &["400"]),
        ("another server's path".into(), line("ftp://a/livez"), &["400"]),
        ("no path".into(), line("livez"), &["400"]),
        ("a target of 9 KB".into(), line(&format!("/livez?{}", "q".repeat(9_000))), &["414"]),
        ("a target of 66 KB".into(), line(&format!("/{}", "q".repeat(66_000))), &["400", "414"]),
        ("a target of 200 KB".into(), line(&format!("/{}", "q".repeat(200_000))), &["431"]),
        ("websocket".into(), get("Upgrade: h2c, WebSocket\r\n"), &["200", "400"]),
    ];
    // requests whose end is ambiguous: a proxy in front could see another request
    for (name, headers, body) in [
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6", "hello"),
        ("a list of lengths", "Content-Length: 5, 5", "hello"),
        ("a signed length", "Content-Length: +5", "hello"),
        ("a length that is none", "Content-Length: 0x5", "hello"),
        ("a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        ("two encodings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
        ("a list of encodings", "Transfer-Encoding: identity, chunked", "0\r\n\r\n"),
        ("an encoding that is none", "Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("a space before the colon", "Content-Length : 5", "hello"),
        ("a folded header", "X-A: 1\r\n Content-Length: 5", "hello"),
        ("a bare CR", "X-A: 1\rContent-Length: 5", "hello"),
        ("another Host", "Host: b", ""),
    ] {
        let request = format!("POST /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n\r\n{body}");
        cases.push((name.into(), request.into_bytes(), &["400"]));
    }
    let trailer = "Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer x\r\nHost: b\r\n";
    cases.push(("trailers".into(), get(trailer), &["200"]));
    for length in [65_534, 65_535, 65_536, 65_537, 100_000, 131_071, 131_072, 150_000] {
        cases.push((format!("a name of {length}"), named(length), &["431"]));
    }
    for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_alphanumeric()) {
        let expected: &[&str] = &["200", "400"];
        cases.push((format!("{byte:#x} in a name"), raw(&[b'x', byte, b'y'], b"1"), expected));
        cases.push((format!("{byte:#x} in a value"), raw(b"x-a", &[b'1', byte, b'2']), expected));
        let target = [b"GET /livez?", &[byte][..], b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"].concat();
        cases.push((format!("{byte:#x} in a target"), target, expected));
    }
    for server in Server::both(&[]) {
        for port in &server.ports {
            for (name, request, expected) in &cases {
                let reply = exchange(port, request);
                let shown: String = reply.chars().take(300).collect();
                assert!(expected.contains(&status(&reply)), "{name} at {port}: {shown}");

                if let Some((head, body)) = reply.split_once("\r\n\r\n").filter(|_| status(&reply) != "200") {
                    assert!(body.is_empty() || head.contains("application/problem+json"), "{name}: {shown}");
                }
            }
            assert_eq!(status(&exchange(port, &get(""))), "200");
        }
        let log = server.log();
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains("ERROR"), "clients can fill the log with errors: {log}");
    }
}

/// Sends `begin`, and then `piece` again and again, until the other end closes; returns its answer.
fn drip(address: &str, begin: &str, piece: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(begin.as_bytes()).unwrap();
    // the pause between pieces, in which the client waits for an answer
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (mut reply, mut some) = (Vec::new(), [0; 4096]);
    for _ in 0..3000 {
        match stream.read(&mut some) {
            Ok(0) => return String::from_utf8_lossy(&reply).into_owned(),
            Ok(count) => reply.extend(&some[..count]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return String::from_utf8_lossy(&reply).into_owned(),
        }
        drop(stream.write_all(piece.as_bytes()));
    }
    panic!("{address} is still open after {begin:?}: {}", String::from_utf8_lossy(&reply));
}

#[test]
fn clients_that_send_too_slowly_are_cut_off() {
    let login = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let log = "PUT /log HTTP/1.1\r\nHost: a\r\n";
    let first = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunked = ("Transfer-Encoding: chunked", "1\r\na\r\n");
    let sized = ("Content-Length: 100000", "a");
    let check = &|port: &str, with_body: &str| {
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(status(&drip(port, "GET /livez HTTP/1.1\r\nHost: a\r\nx-a: ", "a")), "408", "a head"));
            scope.spawn(|| {
                let second = drip(port, &format!("{first}GET /livez HTTP/1.1\r\nx-a: "), "a");
                assert_eq!((status(&second), second.matches("HTTP/1.1 ").count()), ("200", 1), "a second head: {second}");
            });
            // operations without a body answer before its end
            for target in ["GET /livez", "GET /nowhere", "POST /livez", "POST /nowhere", "DELETE /"] {
                for (length, piece) in [chunked, sized] {
                    scope.spawn(move || {
                        let reply = drip(port, &format!("{target} HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n"), piece);
                        assert_ne!(status(&reply), "none", "{target} {length}");
                        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{target} {length}: {reply}");
                    });
                }
            }
            for (length, piece) in [chunked, (chunked.0, ""), sized] {
                scope.spawn(move || {
                    let reply = drip(port, &format!("{with_body}{length}\r\n\r\n"), piece);
                    assert!(["400", "404", "413"].contains(&status(&reply)), "{with_body} {length}: {reply}");
                    assert!(reply.to_lowercase().contains("connection: close") && reply.contains("problem+json"), "{reply}");
                });
            }
        });
    };
    let servers = Server::both(&IMPATIENT);
    std::thread::scope(|scope| {
        for server in &servers {
            for (port, with_body) in server.ports.iter().zip([login, log]) {
                scope.spawn(move || check(port, with_body));
            }
        }
    });
}

#[test]
fn clients_that_do_not_read_answers_are_cut_off() {
    let requests = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    let check = |port: &str| {
        let mut stream = connect_narrow(port);
        let end = (0..10_000).find_map(|_| stream.write_all(requests.as_bytes()).err()).expect("buffers are finite");
        assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&end.kind()), "{port}: {end}");
        // and a client that reads one byte at a time
        let mut stream = connect_narrow(port);
        stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let (mut sent, mut byte) = (0, [0]);
        let end = (0..10_000).find_map(|_| {
            drop(stream.read(&mut byte));
            match stream.write(&requests.as_bytes()[sent..]) {
                Ok(count) => sent = (sent + count) % requests.len(),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Some(e),
            }
            None
        });
        assert!(end.is_some(), "{port}");
    };
    let servers = Server::both(&IMPATIENT);
    std::thread::scope(|scope| {
        for port in servers.iter().flat_map(|server| &server.ports) {
            scope.spawn(|| check(port));
        }
    });
}

#[test]
fn clients_that_are_still_sending_see_the_answer() {
    let gateway = Server::start(&["serve"], &[]);
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let chunks = format!("Transfer-Encoding: chunked\r\n\r\n{}", format!("10000\r\n{}\r\n", "a".repeat(0x10000)).repeat(40));
    let sized = format!("Content-Length: 3000000\r\n\r\n{}", "a".repeat(3_000_000));
    for body in [chunks, sized] {
        let reply = exchange(&gateway.ports[0], format!("{head}{body}").as_bytes());
        assert_eq!(status(&reply), "413", "{reply}");
    }
}

#[test]
fn the_operations_listener_answers_problem_documents() {
    let server = Server::start(&["serve"], &[]);
    for (request, expected) in [
        ("GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "404"),
        ("DELETE /log HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"),
        ("POST /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "405"),
        ("PUT /log HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nloud", "400"),
        ("PUT /log HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\u{80}", "400"),
        ("PUT /log HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n", "413"),
        ("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
    ] {
        let reply = exchange(&server.ports[1], request.as_bytes());
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(status(&reply) == expected && head.contains("application/problem+json"), "{request}: {reply}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"].to_string(), expected, "{request}");
    }
}
