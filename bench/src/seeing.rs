//! Ways to run the shop that show more or less of what it does, and a collector for its traces.
//!
//! Metrics are counted in each of them: no setting turns them off.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// A name and its settings.
pub(crate) type Way = (&'static str, Vec<(&'static str, String)>);

/// The first one shows nothing; the others are compared with it.
pub(crate) fn ways(collector: SocketAddr) -> Vec<Way> {
    let traces = |ratio: &str| {
        vec![("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}")), ("OTEL_TRACES_SAMPLER_ARG", ratio.into())]
    };
    let logs = || vec![("SOUK_LOG__FILTER", "info".into()), ("SOUK_LOG__FORMAT", "json".into())];
    vec![
        ("nothing but metrics", Vec::new()),
        ("traces of 1 %", traces("0.01")),
        ("traces of 100 %", traces("1")),
        ("JSON logs", logs()),
        ("JSON logs, traces of 1 %", [logs(), traces("0.01")].concat()),
    ]
}

/// A collector that receives everything and keeps nothing.
pub(crate) fn collector() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || drop(answer(connection)));
        }
    });
    Ok(address)
}

/// Answers each request with 200, until the connection ends.
fn answer(connection: TcpStream) -> std::io::Result<()> {
    let (mut lines, mut writer) = (BufReader::new(connection.try_clone()?), connection);
    let (mut line, mut length) = (String::new(), 0);
    while lines.read_line(&mut line)? > 0 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            std::io::copy(&mut lines.by_ref().take(length), &mut std::io::sink())?;
            writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            length = 0;
        }
        line.clear();
    }
    Ok(())
}
