//! A whole module, used in this process, through the codec, and as data.

#![deny(warnings, missing_docs, unreachable_pub)]

use garde::Validate;
use kernel::{Access, ApiError, Code, Ctx, Dispatch, Fault, Method, Principal, Request, Retry, Role, Transport, UserId};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use utoipa::{IntoParams, ToSchema};

kernel::int_id!(
    /// A book.
    BookId
);

/// A book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Book {
    /// Its id.
    pub id: BookId,
    /// Its title.
    pub title: String,
}

/// A book to be.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct NewBook {
    /// Its title.
    #[garde(length(min = 1))]
    pub title: String,
}

/// Which books to list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ListBooks {
    /// Part of the title.
    #[garde(skip)]
    pub title: Option<String>,
}

/// A type with the name of one that the expansion uses inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema, Request)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Pages.
    #[garde(skip)]
    pub pages: u32,
}

/// What can go wrong with books.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "shelf")]
pub enum ShelfError {
    /// There is no such book.
    #[error("Book not found")]
    #[api(not_found)]
    NotFound,
    /// Someone else has the book.
    #[error("Reader {reader} has the book")]
    #[api(conflict)]
    LentOut {
        /// Who has it.
        reader: UserId,
        /// The names of locals of the expansion.
        details: Vec<String>,
        /// May be missing on the wire.
        problem: Option<u32>,
    },
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}

/// Books on a shelf.
#[kernel::api(module = "shelf")]
pub trait ShelfApi {
    /// Get one book.
    ///
    /// Lent ones, too.
    #[get("/books/{id}", public = "/api/books/{id}", access = anyone, localized, rate = "100/min", errors(NotFound))]
    async fn get(&self, cx: &Ctx, id: BookId) -> Result<Book, ShelfError>;

    /// List books.
    #[get("/books", access = anyone)]
    async fn list(&self, cx: &Ctx, query: ListBooks) -> Result<Vec<Book>, ShelfError>;

    /// Add a book.
    #[post("/books", public = "/api/books", access = role(admin), retry = never, status = 201, rate = "5/s")]
    async fn add(&self, cx: &Ctx, new: NewBook) -> Result<Book, ShelfError>;

    /// Take a book back.
    #[delete("/readers/{reader}/books/{id}", public = "/api/my/books/{id}", access = user, status = 204, rate = "1/day")]
    async fn give_back(&self, cx: &Ctx, reader: UserId, id: BookId) -> Result<(), ShelfError>;

    /// Lend a book.
    #[put("/loans/{id}/{reader}", access = module(desk, robot), errors(LentOut))]
    async fn lend(&self, cx: &Ctx, id: BookId, reader: UserId) -> Result<Option<Book>, ShelfError>;

    /// Uses the names of locals of the expansion, and of methods of other traits.
    #[put("/odd/{index}/{result}/{cx}/{type}", access = anyone)]
    async fn into(
        &self,
        ctx: &Ctx,
        result: u32,
        index: u32,
        cx: u32,
        r#type: u32,
        incoming: Document,
    ) -> Result<Document, ShelfError>;
}

struct Shelf(Mutex<Vec<String>>);

impl ShelfApi for Shelf {
    async fn get(&self, _: &Ctx, id: BookId) -> Result<Book, ShelfError> {
        let books = self.0.lock().expect("books");
        let title = books.get(usize::try_from(id.0 - 1).expect("positive")).ok_or(ShelfError::NotFound)?;
        Ok(Book { id, title: title.clone() })
    }

    async fn list(&self, _: &Ctx, query: ListBooks) -> Result<Vec<Book>, ShelfError> {
        let books = self.0.lock().expect("books");
        let books = books.iter().zip(1..).map(|(title, id)| Book { id: BookId(id), title: title.clone() });
        Ok(books.filter(|book| query.title.as_ref().is_none_or(|part| book.title.contains(part))).collect())
    }

    async fn add(&self, _: &Ctx, new: NewBook) -> Result<Book, ShelfError> {
        let mut books = self.0.lock().expect("books");
        books.push(new.title.clone());
        Ok(Book { id: BookId(books.len() as i64), title: new.title })
    }

    async fn give_back(&self, cx: &Ctx, reader: UserId, _: BookId) -> Result<(), ShelfError> {
        assert_eq!(cx.user()?, reader, "the interceptor lets no one else through");
        Ok(())
    }

    async fn lend(&self, cx: &Ctx, _: BookId, reader: UserId) -> Result<Option<Book>, ShelfError> {
        assert_eq!(cx.caller(), Some("desk"));
        Err(ShelfError::LentOut { reader, details: vec!["a".into()], problem: None })
    }

    async fn into(
        &self,
        _: &Ctx,
        result: u32,
        index: u32,
        cx: u32,
        r#type: u32,
        incoming: Document,
    ) -> Result<Document, ShelfError> {
        assert_eq!((result, index, cx, r#type), (1, 2, 3, 4));
        Ok(incoming)
    }
}

fn as_someone(id: i64, role: Role) -> Ctx {
    Ctx::new(Principal::User { id: UserId(id), role }, Duration::from_secs(5))
}

async fn suite(shelf: ShelfClient) {
    let anyone = Ctx::anonymous(Duration::from_secs(5));
    let admin = as_someone(1, Role::Admin);
    let customer = as_someone(2, Role::Customer);
    let code = |error: ShelfError| error.code();

    let new = || NewBook { title: "Emma".into() };
    assert_eq!(shelf.add(&anyone, new()).await.map_err(code), Err(Code::Unauthenticated));
    assert_eq!(shelf.add(&customer, new()).await.map_err(code), Err(Code::PermissionDenied));
    assert_eq!(shelf.add(&admin, NewBook { title: String::new() }).await.map_err(code), Err(Code::InvalidArgument));
    let emma = shelf.add(&admin, new()).await.expect("added");
    assert_eq!(shelf.get(&anyone, emma.id).await, Ok(emma.clone()));
    assert_eq!(shelf.get(&anyone, BookId(9)).await, Err(ShelfError::NotFound));
    assert_eq!(shelf.list(&anyone, ListBooks::default()).await, Ok(vec![emma.clone()]));
    assert_eq!(shelf.list(&anyone, ListBooks { title: Some("x&y".into()) }).await, Ok(vec![]));

    assert_eq!(shelf.give_back(&customer, UserId(2), emma.id).await, Ok(()));
    assert_eq!(shelf.give_back(&customer, UserId(3), emma.id).await.map_err(code), Err(Code::PermissionDenied));

    assert_eq!(shelf.lend(&admin, emma.id, UserId(2)).await.map_err(code), Err(Code::PermissionDenied));
    let lent_out = ShelfError::LentOut { reader: UserId(2), details: vec!["a".into()], problem: None };
    assert_eq!(shelf.called_by("desk").lend(&admin, emma.id, UserId(2)).await, Err(lent_out));

    let page = Document { pages: 7 };
    assert_eq!(ShelfApi::into(&shelf, &anyone, 1, 2, 3, 4, page.clone()).await, Ok(page));
}

fn errors() {
    let error = ShelfError::LentOut { reader: UserId(2), details: vec![], problem: Some(1) };
    let problem = error.clone().into_problem();
    assert_eq!((problem.status, problem.code.as_str()), (409, "shelf.lent_out"));
    assert_eq!(problem.detail, "Reader UserId(2) has the book".replace("UserId(2)", "2"));
    assert_eq!(problem.details, Some(kernel::serde_json::json!({ "reader": 2, "details": [], "problem": 1 })));
    assert_eq!(ShelfError::from_problem(problem.clone()), error);

    // from a peer of another version
    let mut older = problem.clone();
    older.details = Some(kernel::serde_json::json!({ "reader": 2, "details": [] }));
    assert_eq!(ShelfError::from_problem(older), ShelfError::LentOut { reader: UserId(2), details: vec![], problem: None });
    let mut broken = problem.clone();
    broken.details = None;
    assert!(matches!(ShelfError::from_problem(broken), ShelfError::Fault(fault) if fault.code() == Code::Conflict));
    let mut unknown = problem;
    unknown.code = "shelf.burnt".into();
    assert!(matches!(ShelfError::from_problem(unknown), ShelfError::Fault(fault) if fault.code() == Code::Conflict));

    let kinds: Vec<_> = ShelfError::KINDS.iter().map(|kind| (kind.code, kind.name, kind.doc)).collect();
    assert_eq!(
        kinds,
        [
            (Code::NotFound, "shelf.not_found", "There is no such book."),
            (Code::Conflict, "shelf.lent_out", "Someone else has the book."),
        ]
    );
}

fn data() {
    let op = ops::GIVE_BACK;
    assert_eq!((op, op.id, op.method, op.status), (&OPS[3], "shelf.give_back", Method::Delete, 204));
    assert_eq!((op.public, op.access, op.retry), (Some("/api/my/books/{id}"), Access::User, Retry::Safe));
    assert_eq!((ops::GET.rate.map(|rate| (rate.count, rate.window.as_secs())), ops::LIST.rate), (Some((100, 60)), None));
    assert_eq!((ops::ADD.access, ops::ADD.retry), (Access::Role(Role::Admin), Retry::Never));
    assert_eq!(ops::LEND.access, Access::Modules(&["desk", "robot"]));

    let api = kernel::serde_json::to_value(openapi()).expect("a document");
    let get = &api["paths"]["/books/{id}"]["get"];
    assert_eq!((&get["operationId"], &get["tags"][0]), (&"shelf_get".into(), &"shelf".into()));
    assert_eq!((&get["summary"], &get["description"]), (&"Get one book.".into(), &"Lent ones, too.".into()));
    assert_eq!((&get["parameters"][0]["name"], &get["parameters"][0]["schema"]["minimum"]), (&"id".into(), &1.into()));
    assert_eq!(get["responses"]["200"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Book");
    assert_eq!(get["responses"]["404"]["description"], "`shelf.not_found`: There is no such book.");
    assert_eq!(ops::GET.errors.iter().map(|kind| kind.name).collect::<Vec<_>>(), ["shelf.not_found"]);
    let statuses = |operation: &kernel::serde_json::Value| {
        operation["responses"].as_object().expect("responses").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses(get), "200 400 401 404 429 500 503 504");
    assert_eq!(statuses(&api["paths"]["/loans/{id}/{reader}"]["put"]), "200 400 401 403 409 413 415 500 503 504");
    // a problem of one kind, and one of several
    let problem = |response: &kernel::serde_json::Value| response["content"]["application/problem+json"]["schema"].clone();
    assert_eq!(problem(&get["responses"]["404"])["$ref"], "#/components/schemas/ShelfNotFoundProblem");
    let refused = problem(&api["paths"]["/readers/{reader}/books/{id}"]["delete"]["responses"]["401"]);
    assert_eq!(refused["oneOf"].as_array().map(Vec::len), Some(2));
    assert_eq!(refused["discriminator"]["mapping"]["unauthenticated"], "#/components/schemas/UnauthenticatedProblem");
    let lent_out = &api["components"]["schemas"]["ShelfLentOutProblem"];
    assert_eq!(lent_out["allOf"][0]["$ref"], "#/components/schemas/Problem");
    assert_eq!(lent_out["allOf"][1]["properties"]["code"]["enum"], kernel::serde_json::json!(["shelf.lent_out"]));
    assert_eq!(lent_out["allOf"][1]["required"], kernel::serde_json::json!(["details"]));
    let details = &lent_out["allOf"][1]["properties"]["details"];
    assert_eq!(details["properties"]["reader"]["$ref"], "#/components/schemas/UserId");
    assert_eq!(details["properties"]["details"]["items"]["type"], "string");
    // headers that come with failures
    assert_eq!(get["responses"]["401"]["headers"]["WWW-Authenticate"]["schema"]["type"], "string");
    for status in ["429", "503", "504"] {
        assert_eq!(get["responses"][status]["headers"]["Retry-After"]["schema"]["type"], "integer", "{status}");
    }
    assert_eq!(api["paths"]["/books"]["get"]["parameters"][0]["name"], "title");
    let add = &api["paths"]["/books"]["post"];
    assert_eq!(add["requestBody"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/NewBook");
    assert!(api["paths"]["/readers/{reader}/books/{id}"]["delete"]["responses"]["204"]["content"].is_null());
    let text = api.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(!api["components"]["schemas"][name].is_null(), "{name} is referred to and not there");
    }
}

async fn refusals(shelf: Arc<ShelfClient>) {
    let cx = Ctx::anonymous(Duration::from_secs(5));
    let incoming = |query: &str| kernel::Incoming { params: vec![("id".into(), "1".into())], query: query.into(), body: None, upload: None, if_match: None, from_peer: false };
    let reply = shelf.clone().dispatch(0, cx.clone(), incoming("surprise=1")).await;
    assert!(matches!(reply, kernel::Reply::Failed(problem) if problem.status == 400));
    // access comes first
    let reply = shelf.dispatch(2, cx, incoming("surprise=1")).await;
    assert!(matches!(reply, kernel::Reply::Failed(problem) if problem.status == 401));
}

fn main() {
    errors();
    data();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let local = || ShelfClient::local(Shelf(Mutex::default()));
        suite(local()).await;
        suite(ShelfClient::remote(Transport::loopback(Arc::new(local())))).await;
        refusals(Arc::new(local())).await;
    });
}
