//! A controllable SMS provider.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use serde_json::Value;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

const SILENCE: u16 = 0;

/// A request to the SMS provider.
#[derive(Debug, Clone)]
pub(crate) struct Sms {
    pub(crate) authorization: Option<String>,
    pub(crate) key: String,
    pub(crate) body: Value,
}

/// An SMS provider, which records a request before it answers.
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

    /// Stops answering.
    pub(crate) fn say_nothing(&self) {
        self.status.store(SILENCE, Ordering::SeqCst);
    }

    /// Sets the answer.
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
    match state.1.load(Ordering::SeqCst) {
        SILENCE => std::future::pending().await,
        status => HttpResponse::new(StatusCode::from_u16(status).unwrap()),
    }
}
