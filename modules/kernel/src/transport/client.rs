//! The HTTP clients of this process.

use reqwest::{Certificate, Client, ClientBuilder};
use std::{cell::OnceCell, sync::OnceLock, time::Duration};

/// The authorities that sign the certificates of peers, when they are not the public ones.
static AUTHORITIES: OnceLock<Vec<Certificate>> = OnceLock::new();

/// Makes this process trust only peers whose certificates one of these authorities (PEM) signed. Without this it trusts the
/// authorities of the machine. To be called once, before the first call; it does not matter to peers at `http://` addresses.
///
/// # Errors
/// When there is no certificate in `pem`, or one that cannot be read, or when it was called before.
pub fn trust_authorities(pem: &[u8]) -> Result<(), String> {
    let certificates = Certificate::from_pem_bundle(pem).map_err(|e| e.to_string())?;
    if certificates.is_empty() {
        return Err("has no certificate".into());
    }
    // reading PEM does not look inside
    settings().tls_certs_only(certificates.clone()).build().map_err(|e| format!("a certificate cannot be read: {e}"))?;
    AUTHORITIES.set(certificates).map_err(|_| "the authorities are set already".into())
}

/// The HTTP client for calls to the peer at `base`.
///
/// There is one per thread, and one more for peers over TLS. A connection is driven by the worker that opened it: shared, one
/// blocked worker would stall the calls of all the others.
pub(super) fn client(base: &str) -> reqwest::Result<Client> {
    thread_local! {
        static PLAIN: OnceCell<Client> = const { OnceCell::new() };
        static TLS: OnceCell<Client> = const { OnceCell::new() };
    }
    let is_tls = base.starts_with("https:");
    let build = || match AUTHORITIES.get() {
        Some(authorities) if is_tls => settings().tls_certs_only(authorities.iter().cloned()).build(),
        None if is_tls => settings().build(),
        // plain connections need no authorities: reading the machine's costs memory, and fails where there are none
        _ => settings().tls_certs_only([]).build(),
    };
    let cell = if is_tls { &TLS } else { &PLAIN };
    cell.with(|cell| match cell.get() {
        Some(client) => Ok(client.clone()),
        None => build().map(|client| cell.get_or_init(|| client).clone()),
    })
}

fn settings() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        // one call at a time on a connection: multiplexed, a large answer would delay the small ones beside it
        .http1_only()
        // one call on a connection, whatever else in this process speaks
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(1))
        .pool_max_idle_per_host(128)
        // A server must not close a connection that is just being used. A server that stops closes connections as it
        // answers on them, and the idle ones at the end; with a drain that is longer than this, no client uses those any more.
        .pool_idle_timeout(Duration::from_millis(500))
        .redirect(reqwest::redirect::Policy::none())
}
