//! Peers at `https://` addresses. In a file of its own: whom a process trusts is set once.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use kernel::{
    Code, Ctx, Fault, Transport,
    testing::{Server, anonymous},
    trust_authorities,
};
use rcgen::{CertificateParams, Issuer, KeyPair};
use std::sync::Arc;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// A module that answers.
#[kernel::api(module = "echo")]
pub trait EchoApi {
    /// Answers.
    #[put("/echo/{number}", access = anyone)]
    async fn echo(&self, cx: &Ctx, number: u32) -> Result<u32, Fault>;
}

struct Echo;

impl EchoApi for Echo {
    async fn echo(&self, _: &Ctx, number: u32) -> Result<u32, Fault> {
        Ok(number)
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// Ends TLS in front of `server`, with a certificate that `authority` signed, as a proxy does.
async fn with_tls(server: &Server, authority: &Authority) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let server = server.address().strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((caller, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                let Ok(mut caller) = acceptor.accept(caller).await else { return };
                let mut to = TcpStream::connect(server).await.unwrap();
                drop(copy_bidirectional(&mut caller, &mut to).await);
            });
        }
    });
    address
}

#[tokio::test]
async fn peers_over_tls_are_those_of_our_authority() {
    let (ours, others) = (authority(), authority());
    for bad in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(trust_authorities(bad.as_bytes()).is_err(), "{bad}");
    }
    trust_authorities(ours.pem.as_bytes()).unwrap();
    assert!(trust_authorities(ours.pem.as_bytes()).is_err(), "once");

    let server = Server::start(Arc::new(EchoClient::local(Echo)));
    let (good, foreign) = (with_tls(&server, &ours).await, with_tls(&server, &others).await);
    let client = |address: String| EchoClient::remote(Transport::http(vec![address], server.key()));
    assert_eq!(client(good.clone()).echo(&anonymous(), 7).await, Ok(7));
    assert_eq!(client(foreign).echo(&anonymous(), 7).await.map_err(|e| e.code()), Err(Code::Unavailable));
    // the name in the certificate counts
    let other_name = good.replace("127.0.0.1", "localhost");
    assert_eq!(client(other_name).echo(&anonymous(), 7).await.map_err(|e| e.code()), Err(Code::Unavailable));
    assert_eq!(client(server.address().into()).echo(&anonymous(), 7).await, Ok(7));
}
