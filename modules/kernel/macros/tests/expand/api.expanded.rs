/// Books on a shelf.
pub trait ShelfApi: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Get one book.
    ///
    /// Lent ones, too.
    fn get(
        &self,
        cx: &Ctx,
        id: BookId,
    ) -> impl ::core::future::Future<
        Output = Result<Book, ShelfError>,
    > + ::core::marker::Send;
    /// List books.
    fn list(
        &self,
        cx: &Ctx,
        query: ListBooks,
    ) -> impl ::core::future::Future<
        Output = Result<Vec<Book>, ShelfError>,
    > + ::core::marker::Send;
    /// Add a book.
    fn add(
        &self,
        cx: &Ctx,
        new: NewBook,
    ) -> impl ::core::future::Future<
        Output = Result<Book, ShelfError>,
    > + ::core::marker::Send;
    /// Take a book back.
    fn give_back(
        &self,
        cx: &Ctx,
        reader: UserId,
        id: BookId,
    ) -> impl ::core::future::Future<
        Output = Result<(), ShelfError>,
    > + ::core::marker::Send;
    /// Correct a book.
    fn correct(
        &self,
        cx: &Ctx,
        id: BookId,
        if_match: IfMatch,
        patch: BookPatch,
    ) -> impl ::core::future::Future<
        Output = Result<Book, ShelfError>,
    > + ::core::marker::Send;
    /// Count the copies of a book.
    fn count(
        &self,
        cx: &Ctx,
        id: BookId,
        if_match: IfMatch,
        copies: Copies,
    ) -> impl ::core::future::Future<
        Output = Result<Book, ShelfError>,
    > + ::core::marker::Send;
    /// Scan a page.
    fn scan(
        &self,
        cx: &Ctx,
        id: BookId,
        page: Upload,
        query: PageNumber,
    ) -> impl ::core::future::Future<
        Output = Result<Book, ShelfError>,
    > + ::core::marker::Send;
    /// Get the picture of a page.
    fn page(
        &self,
        cx: &Ctx,
        id: BookId,
        page: PageId,
    ) -> impl ::core::future::Future<
        Output = Result<Download, ShelfError>,
    > + ::core::marker::Send;
    /// Lend a book.
    fn lend(
        &self,
        cx: &Ctx,
        id: BookId,
        loan: Loan,
    ) -> impl ::core::future::Future<
        Output = Result<Loan, ShelfError>,
    > + ::core::marker::Send;
}
///The operations of `shelf`, in the order of the trait.
pub static OPS: &[::kernel::Op] = &[
    ::kernel::Op {
        module: "shelf",
        name: "get",
        id: "shelf.get",
        method: ::kernel::Method::Get,
        path: "/books/{id}",
        public: ::core::option::Option::Some("/api/books/{id}"),
        access: ::kernel::Access::Anyone,
        retry: ::kernel::Retry::Safe,
        etag: true,
        localized: true,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::Some(::kernel::Rate {
            count: 100u32,
            window: ::core::time::Duration::from_secs(60u64),
        }),
        status: 200u16,
        location: ::core::option::Option::None,
        errors: {
            ::kernel::bounds::error::<ShelfError>();
            &[::kernel::ProblemKind::of::<ShelfError>("NotFound")]
        },
    },
    ::kernel::Op {
        module: "shelf",
        name: "list",
        id: "shelf.list",
        method: ::kernel::Method::Get,
        path: "/books",
        public: ::core::option::Option::None,
        access: ::kernel::Access::Role(::kernel::Role::Customer),
        retry: ::kernel::Retry::Safe,
        etag: false,
        localized: false,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::None,
        status: 200u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "add",
        id: "shelf.add",
        method: ::kernel::Method::Post,
        path: "/books",
        public: ::core::option::Option::Some("/api/books"),
        access: ::kernel::Access::Role(::kernel::Role::Admin),
        retry: ::kernel::Retry::Key,
        etag: false,
        localized: false,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::Some(::kernel::Rate {
            count: 5u32,
            window: ::core::time::Duration::from_secs(1u64),
        }),
        status: 201u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "give_back",
        id: "shelf.give_back",
        method: ::kernel::Method::Delete,
        path: "/readers/{reader}/books/{id}",
        public: ::core::option::Option::Some("/api/my/books/{id}"),
        access: ::kernel::Access::User,
        retry: ::kernel::Retry::Safe,
        etag: false,
        localized: false,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::Some(::kernel::Rate {
            count: 1u32,
            window: ::core::time::Duration::from_secs(86400u64),
        }),
        status: 204u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "correct",
        id: "shelf.correct",
        method: ::kernel::Method::Patch,
        path: "/books/{id}",
        public: ::core::option::Option::None,
        access: ::kernel::Access::Role(::kernel::Role::Admin),
        retry: ::kernel::Retry::Safe,
        etag: true,
        localized: false,
        condition: ::kernel::Condition::Optional,
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::None,
        status: 200u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "count",
        id: "shelf.count",
        method: ::kernel::Method::Put,
        path: "/books/{id}/copies",
        public: ::core::option::Option::None,
        access: ::kernel::Access::Role(::kernel::Role::Admin),
        retry: ::kernel::Retry::Safe,
        etag: true,
        localized: false,
        condition: ::kernel::Condition::Demanded {
            instead: "POST /api/books",
        },
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::None,
        status: 200u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "scan",
        id: "shelf.scan",
        method: ::kernel::Method::Post,
        path: "/books/{id}/pages",
        public: ::core::option::Option::None,
        access: ::kernel::Access::Role(::kernel::Role::Admin),
        retry: ::kernel::Retry::Never,
        etag: false,
        localized: false,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::Some(::kernel::Accepts {
            media_types: &["image/png", "image/jpeg"],
            max: 20000000u64,
        }),
        download: &[],
        within: ::core::option::Option::Some(::core::time::Duration::from_secs(300u64)),
        rate: ::core::option::Option::None,
        status: 200u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "page",
        id: "shelf.page",
        method: ::kernel::Method::Get,
        path: "/books/{id}/pages/{page}",
        public: ::core::option::Option::None,
        access: ::kernel::Access::Anyone,
        retry: ::kernel::Retry::Safe,
        etag: false,
        localized: false,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::None,
        download: &["image/png"],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::None,
        status: 200u16,
        location: ::core::option::Option::None,
        errors: &[],
    },
    ::kernel::Op {
        module: "shelf",
        name: "lend",
        id: "shelf.lend",
        method: ::kernel::Method::Put,
        path: "/loans/{id}",
        public: ::core::option::Option::None,
        access: ::kernel::Access::Modules(&["desk", "robot"]),
        retry: ::kernel::Retry::Safe,
        etag: false,
        localized: false,
        condition: ::kernel::Condition::None,
        upload: ::core::option::Option::None,
        download: &[],
        within: ::core::option::Option::None,
        rate: ::core::option::Option::None,
        status: 200u16,
        location: ::core::option::Option::None,
        errors: {
            ::kernel::bounds::error::<ShelfError>();
            &[
                ::kernel::ProblemKind::of::<ShelfError>("NotFound"),
                ::kernel::ProblemKind::of::<ShelfError>("LentOut"),
            ]
        },
    },
];
///The operations of `shelf`, by name.
pub mod ops {
    ///`shelf.get`
    pub const GET: &::kernel::Op = &super::OPS[0usize];
    ///`shelf.list`
    pub const LIST: &::kernel::Op = &super::OPS[1usize];
    ///`shelf.add`
    pub const ADD: &::kernel::Op = &super::OPS[2usize];
    ///`shelf.give_back`
    pub const GIVE_BACK: &::kernel::Op = &super::OPS[3usize];
    ///`shelf.correct`
    pub const CORRECT: &::kernel::Op = &super::OPS[4usize];
    ///`shelf.count`
    pub const COUNT: &::kernel::Op = &super::OPS[5usize];
    ///`shelf.scan`
    pub const SCAN: &::kernel::Op = &super::OPS[6usize];
    ///`shelf.page`
    pub const PAGE: &::kernel::Op = &super::OPS[7usize];
    ///`shelf.lend`
    pub const LEND: &::kernel::Op = &super::OPS[8usize];
}
const _: () = {
    type Error = ShelfError;
    let _ = |error: &Error| matches!(error, Error::NotFound { .. });
};
const _: () = {
    type Error = ShelfError;
    let _ = |error: &Error| {
        matches!(error, Error::NotFound { .. } | Error::LentOut { .. })
    };
};
trait ErasedShelfApi: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn get(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>>;
    fn list(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        query: ListBooks,
    ) -> ::kernel::BoxFuture<Result<Vec<Book>, ShelfError>>;
    fn add(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        new: NewBook,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>>;
    fn give_back(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        reader: UserId,
        id: BookId,
    ) -> ::kernel::BoxFuture<Result<(), ShelfError>>;
    fn correct(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        patch: BookPatch,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>>;
    fn count(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        copies: Copies,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>>;
    fn scan(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        page: Upload,
        query: PageNumber,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>>;
    fn page(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        page: PageId,
    ) -> ::kernel::BoxFuture<Result<Download, ShelfError>>;
    fn lend(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        loan: Loan,
    ) -> ::kernel::BoxFuture<Result<Loan, ShelfError>>;
}
impl<T: ShelfApi> ErasedShelfApi for T {
    fn get(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move { ShelfApi::get(&*self, &cx, id).await })
    }
    fn list(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        query: ListBooks,
    ) -> ::kernel::BoxFuture<Result<Vec<Book>, ShelfError>> {
        ::kernel::bounds::query::<ListBooks>();
        ::kernel::bounds::answer::<Vec<Book>>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ::kernel::validate::<ListBooks>(&query)
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ShelfApi::list(&*self, &cx, query).await
        })
    }
    fn add(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        new: NewBook,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>> {
        ::kernel::bounds::body::<NewBook>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ::kernel::validate::<NewBook>(&new)
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ShelfApi::add(&*self, &cx, new).await
        })
    }
    fn give_back(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        reader: UserId,
        id: BookId,
    ) -> ::kernel::BoxFuture<Result<(), ShelfError>> {
        ::kernel::bounds::param::<UserId>();
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::answer::<()>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ShelfApi::give_back(&*self, &cx, reader, id).await
        })
    }
    fn correct(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        patch: BookPatch,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<BookPatch>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ::kernel::validate::<BookPatch>(&patch)
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ShelfApi::correct(&*self, &cx, id, if_match, patch).await
        })
    }
    fn count(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        copies: Copies,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<Copies>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ::kernel::validate::<Copies>(&copies)
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ::kernel::IfMatch::demanded(&if_match, "POST /api/books")
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ShelfApi::count(&*self, &cx, id, if_match, copies).await
        })
    }
    fn scan(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        page: Upload,
        query: PageNumber,
    ) -> ::kernel::BoxFuture<Result<Book, ShelfError>> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::query::<PageNumber>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ::kernel::validate::<PageNumber>(&query)
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            let page = <Upload>::admitted(page, &OPS[6usize])
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ShelfApi::scan(&*self, &cx, id, page, query).await
        })
    }
    fn page(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        page: PageId,
    ) -> ::kernel::BoxFuture<Result<Download, ShelfError>> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::param::<PageId>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ShelfApi::page(&*self, &cx, id, page).await
        })
    }
    fn lend(
        self: ::std::sync::Arc<Self>,
        cx: ::kernel::Ctx,
        id: BookId,
        loan: Loan,
    ) -> ::kernel::BoxFuture<Result<Loan, ShelfError>> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<Loan>();
        ::kernel::bounds::answer::<Loan>();
        ::kernel::bounds::error::<ShelfError>();
        ::std::boxed::Box::pin(async move {
            ::kernel::validate::<Loan>(&loan)
                .map_err(::kernel::bounds::failed::<ShelfError>)?;
            ShelfApi::lend(&*self, &cx, id, loan).await
        })
    }
}
///The client of `shelf`: what other modules hold, wherever it runs. Cheap to clone.
#[derive(Clone)]
pub struct ShelfClient {
    calls: ::kernel::Calls,
    to: ::std::sync::Arc<dyn ErasedShelfApi>,
}
impl ShelfClient {
    /// A client of an implementation in this process.
    pub fn local(service: impl ShelfApi) -> Self {
        let calls = ::kernel::Calls::new(::kernel::Placement::Local, OPS);
        Self {
            calls,
            to: ::std::sync::Arc::new(service),
        }
    }
    /// A client of an implementation behind `transport`.
    pub fn remote(transport: ::kernel::Transport) -> Self {
        let calls = ::kernel::Calls::new(::kernel::Placement::Remote, OPS);
        Self {
            calls,
            to: ::std::sync::Arc::new(ShelfRemote(transport)),
        }
    }
    /// This client in the hands of `module`, in whose name its calls are then made.
    pub fn called_by(&self, module: &'static str) -> Self {
        Self {
            calls: self.calls.called_by(module),
            to: ::std::sync::Arc::clone(&self.to),
        }
    }
}
impl ::kernel::Client for ShelfClient {
    fn remote(transport: ::kernel::Transport) -> Self {
        Self::remote(transport)
    }
    fn called_by(&self, module: &'static str) -> Self {
        self.called_by(module)
    }
}
impl ShelfApi for ShelfClient {
    async fn get(&self, cx: &::kernel::Ctx, id: BookId) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Book,
                ShelfError,
            >(
                0usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::get(::std::sync::Arc::clone(&self.to), cx, id),
            )
            .await
    }
    async fn list(
        &self,
        cx: &::kernel::Ctx,
        query: ListBooks,
    ) -> Result<Vec<Book>, ShelfError> {
        ::kernel::bounds::query::<ListBooks>();
        ::kernel::bounds::answer::<Vec<Book>>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Vec<Book>,
                ShelfError,
            >(
                1usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::list(::std::sync::Arc::clone(&self.to), cx, query),
            )
            .await
    }
    async fn add(&self, cx: &::kernel::Ctx, new: NewBook) -> Result<Book, ShelfError> {
        ::kernel::bounds::body::<NewBook>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Book,
                ShelfError,
            >(
                2usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::add(::std::sync::Arc::clone(&self.to), cx, new),
            )
            .await
    }
    async fn give_back(
        &self,
        cx: &::kernel::Ctx,
        reader: UserId,
        id: BookId,
    ) -> Result<(), ShelfError> {
        ::kernel::bounds::param::<UserId>();
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::answer::<()>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                (),
                ShelfError,
            >(
                3usize,
                cx,
                ::core::option::Option::Some(reader),
                |cx| ErasedShelfApi::give_back(
                    ::std::sync::Arc::clone(&self.to),
                    cx,
                    reader,
                    id,
                ),
            )
            .await
    }
    async fn correct(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        patch: BookPatch,
    ) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<BookPatch>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Book,
                ShelfError,
            >(
                4usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::correct(
                    ::std::sync::Arc::clone(&self.to),
                    cx,
                    id,
                    if_match,
                    patch,
                ),
            )
            .await
    }
    async fn count(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        copies: Copies,
    ) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<Copies>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Book,
                ShelfError,
            >(
                5usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::count(
                    ::std::sync::Arc::clone(&self.to),
                    cx,
                    id,
                    if_match,
                    copies,
                ),
            )
            .await
    }
    async fn scan(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        page: Upload,
        query: PageNumber,
    ) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::query::<PageNumber>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Book,
                ShelfError,
            >(
                6usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::scan(
                    ::std::sync::Arc::clone(&self.to),
                    cx,
                    id,
                    page,
                    query,
                ),
            )
            .await
    }
    async fn page(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        page: PageId,
    ) -> Result<Download, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::param::<PageId>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Download,
                ShelfError,
            >(
                7usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::page(
                    ::std::sync::Arc::clone(&self.to),
                    cx,
                    id,
                    page,
                ),
            )
            .await
    }
    async fn lend(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        loan: Loan,
    ) -> Result<Loan, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<Loan>();
        ::kernel::bounds::answer::<Loan>();
        ::kernel::bounds::error::<ShelfError>();
        self.calls
            .run::<
                Loan,
                ShelfError,
            >(
                8usize,
                cx,
                ::core::option::Option::None,
                |cx| ErasedShelfApi::lend(
                    ::std::sync::Arc::clone(&self.to),
                    cx,
                    id,
                    loan,
                ),
            )
            .await
    }
}
struct ShelfRemote(::kernel::Transport);
impl ShelfApi for ShelfRemote {
    async fn get(&self, cx: &::kernel::Ctx, id: BookId) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[0usize],
                cx,
                ::kernel::Outgoing::new(&OPS[0usize]).param::<BookId>("id", &id),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Book, ShelfError>(&OPS[0usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn list(
        &self,
        cx: &::kernel::Ctx,
        query: ListBooks,
    ) -> Result<Vec<Book>, ShelfError> {
        ::kernel::bounds::query::<ListBooks>();
        ::kernel::bounds::answer::<Vec<Book>>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[1usize],
                cx,
                ::kernel::Outgoing::new(&OPS[1usize]).query::<ListBooks>(&query),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Vec<Book>, ShelfError>(&OPS[1usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn add(&self, cx: &::kernel::Ctx, new: NewBook) -> Result<Book, ShelfError> {
        ::kernel::bounds::body::<NewBook>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[2usize],
                cx,
                ::kernel::Outgoing::new(&OPS[2usize]).body::<NewBook>(&new),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Book, ShelfError>(&OPS[2usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn give_back(
        &self,
        cx: &::kernel::Ctx,
        reader: UserId,
        id: BookId,
    ) -> Result<(), ShelfError> {
        ::kernel::bounds::param::<UserId>();
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::answer::<()>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[3usize],
                cx,
                ::kernel::Outgoing::new(&OPS[3usize])
                    .param::<UserId>("reader", &reader)
                    .param::<BookId>("id", &id),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<(), ShelfError>(&OPS[3usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn correct(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        patch: BookPatch,
    ) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<BookPatch>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[4usize],
                cx,
                ::kernel::Outgoing::new(&OPS[4usize])
                    .param::<BookId>("id", &id)
                    .if_match(&if_match)
                    .body::<BookPatch>(&patch),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Book, ShelfError>(&OPS[4usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn count(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        if_match: IfMatch,
        copies: Copies,
    ) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<Copies>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::tagged::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[5usize],
                cx,
                ::kernel::Outgoing::new(&OPS[5usize])
                    .param::<BookId>("id", &id)
                    .if_match(&if_match)
                    .body::<Copies>(&copies),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Book, ShelfError>(&OPS[5usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn scan(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        page: Upload,
        query: PageNumber,
    ) -> Result<Book, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::query::<PageNumber>();
        ::kernel::bounds::answer::<Book>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[6usize],
                cx,
                ::kernel::Outgoing::new(&OPS[6usize])
                    .param::<BookId>("id", &id)
                    .upload(page)
                    .query::<PageNumber>(&query),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Book, ShelfError>(&OPS[6usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn page(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        page: PageId,
    ) -> Result<Download, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::param::<PageId>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[7usize],
                cx,
                ::kernel::Outgoing::new(&OPS[7usize])
                    .param::<BookId>("id", &id)
                    .param::<PageId>("page", &page),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_download::<ShelfError>(&OPS[7usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
    async fn lend(
        &self,
        cx: &::kernel::Ctx,
        id: BookId,
        loan: Loan,
    ) -> Result<Loan, ShelfError> {
        ::kernel::bounds::param::<BookId>();
        ::kernel::bounds::body::<Loan>();
        ::kernel::bounds::answer::<Loan>();
        ::kernel::bounds::error::<ShelfError>();
        match self
            .0
            .call(
                &OPS[8usize],
                cx,
                ::kernel::Outgoing::new(&OPS[8usize])
                    .param::<BookId>("id", &id)
                    .body::<Loan>(&loan),
            )
            .await
        {
            ::core::result::Result::Ok(reply) => {
                reply.into_result::<Loan, ShelfError>(&OPS[8usize])
            }
            ::core::result::Result::Err(fault) => {
                ::core::result::Result::Err(
                    ::kernel::bounds::failed::<ShelfError>(fault),
                )
            }
        }
    }
}
impl ::kernel::Dispatch for ShelfClient {
    fn ops(&self) -> &'static [::kernel::Op] {
        OPS
    }
    fn dispatch(
        self: ::std::sync::Arc<Self>,
        index: usize,
        cx: ::kernel::Ctx,
        incoming: ::kernel::Incoming,
    ) -> ::kernel::BoxFuture<::kernel::Reply> {
        ::std::boxed::Box::pin(async move {
            if let ::core::result::Result::Err(fault) = self.calls.admit(index, &cx) {
                return ::kernel::Reply::problem(
                    fault.into(),
                    ::core::option::Option::Some(&cx),
                );
            }
            match index {
                0usize => {
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::answer::<Book>();
                    ::kernel::bounds::tagged::<Book>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        ::core::result::Result::Ok((incoming.param::<BookId>("id")?,))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::get(&*self, &cx, args.0).await;
                            ::kernel::Reply::of_tagged::<
                                Book,
                                ShelfError,
                            >(&OPS[0usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                1usize => {
                    ::kernel::bounds::query::<ListBooks>();
                    ::kernel::bounds::answer::<Vec<Book>>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        ::core::result::Result::Ok((incoming.query::<ListBooks>()?,))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::list(&*self, &cx, args.0).await;
                            ::kernel::Reply::of::<
                                Vec<Book>,
                                ShelfError,
                            >(&OPS[1usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                2usize => {
                    ::kernel::bounds::body::<NewBook>();
                    ::kernel::bounds::answer::<Book>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        incoming.no_if_match()?;
                        ::core::result::Result::Ok((incoming.body::<NewBook>()?,))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::add(&*self, &cx, args.0).await;
                            ::kernel::Reply::of::<
                                Book,
                                ShelfError,
                            >(&OPS[2usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                3usize => {
                    ::kernel::bounds::param::<UserId>();
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::answer::<()>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        incoming.no_if_match()?;
                        ::core::result::Result::Ok((
                            incoming.own_param(&cx, "reader")?,
                            incoming.param::<BookId>("id")?,
                        ))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::give_back(&*self, &cx, args.0, args.1)
                                .await;
                            ::kernel::Reply::of::<
                                (),
                                ShelfError,
                            >(&OPS[3usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                4usize => {
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::body::<BookPatch>();
                    ::kernel::bounds::answer::<Book>();
                    ::kernel::bounds::tagged::<Book>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        ::core::result::Result::Ok((
                            incoming.param::<BookId>("id")?,
                            incoming.if_match()?,
                            incoming.body::<BookPatch>()?,
                        ))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::correct(
                                    &*self,
                                    &cx,
                                    args.0,
                                    args.1,
                                    args.2,
                                )
                                .await;
                            ::kernel::Reply::of_tagged::<
                                Book,
                                ShelfError,
                            >(&OPS[4usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                5usize => {
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::body::<Copies>();
                    ::kernel::bounds::answer::<Book>();
                    ::kernel::bounds::tagged::<Book>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        ::core::result::Result::Ok((
                            incoming.param::<BookId>("id")?,
                            incoming.if_match()?,
                            incoming.body::<Copies>()?,
                        ))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::count(
                                    &*self,
                                    &cx,
                                    args.0,
                                    args.1,
                                    args.2,
                                )
                                .await;
                            ::kernel::Reply::of_tagged::<
                                Book,
                                ShelfError,
                            >(&OPS[5usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                6usize => {
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::query::<PageNumber>();
                    ::kernel::bounds::answer::<Book>();
                    ::kernel::bounds::error::<ShelfError>();
                    let mut incoming = incoming;
                    let upload = incoming.upload();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_if_match()?;
                        ::core::result::Result::Ok((
                            incoming.param::<BookId>("id")?,
                            upload?,
                            incoming.query::<PageNumber>()?,
                        ))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::scan(
                                    &*self,
                                    &cx,
                                    args.0,
                                    args.1,
                                    args.2,
                                )
                                .await;
                            ::kernel::Reply::of::<
                                Book,
                                ShelfError,
                            >(&OPS[6usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                7usize => {
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::param::<PageId>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        ::core::result::Result::Ok((
                            incoming.param::<BookId>("id")?,
                            incoming.param::<PageId>("page")?,
                        ))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::page(&*self, &cx, args.0, args.1)
                                .await;
                            ::kernel::Reply::of_download::<
                                ShelfError,
                            >(&OPS[7usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                8usize => {
                    ::kernel::bounds::param::<BookId>();
                    ::kernel::bounds::body::<Loan>();
                    ::kernel::bounds::answer::<Loan>();
                    ::kernel::bounds::error::<ShelfError>();
                    let decode = || -> ::core::result::Result<_, ::kernel::Fault> {
                        incoming.no_query()?;
                        incoming.no_if_match()?;
                        ::core::result::Result::Ok((
                            incoming.param::<BookId>("id")?,
                            incoming.body::<Loan>()?,
                        ))
                    };
                    match decode() {
                        ::core::result::Result::Ok(args) => {
                            let result = ShelfApi::lend(&*self, &cx, args.0, args.1)
                                .await;
                            ::kernel::Reply::of::<
                                Loan,
                                ShelfError,
                            >(&OPS[8usize], &cx, result)
                        }
                        ::core::result::Result::Err(fault) => {
                            ::kernel::Reply::problem(
                                fault.into(),
                                ::core::option::Option::Some(&cx),
                            )
                        }
                    }
                }
                _ => {
                    ::kernel::Reply::problem(
                        ::kernel::Fault::new(
                                ::kernel::Code::NotFound,
                                "Endpoint not found",
                            )
                            .into(),
                        ::core::option::Option::Some(&cx),
                    )
                }
            }
        })
    }
    fn openapi(&self) -> ::kernel::utoipa::openapi::OpenApi {
        openapi()
    }
}
///The OpenAPI document of the operations of `shelf`, at their own paths, internal ones included.
pub fn openapi() -> ::utoipa::openapi::OpenApi {
    /// Get one book.
    ///
    /// Lent ones, too.
    #[::utoipa::path(
        get,
        path = "/books/{id}",
        tag = "shelf",
        operation_id = "shelf_get",
        params(("id" = inline(BookId), Path)),
        responses(
            (
                status = 200u16,
                description = "Success",
                body = Book,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_get() {}
    /// List books.
    #[::utoipa::path(
        get,
        path = "/books",
        tag = "shelf",
        operation_id = "shelf_list",
        params(),
        responses(
            (
                status = 200u16,
                description = "Success",
                body = Vec<Book>,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_list() {}
    /// Add a book.
    #[::utoipa::path(
        post,
        path = "/books",
        tag = "shelf",
        operation_id = "shelf_add",
        params(),
        request_body(content = NewBook, content_type = "application/json"),
        responses(
            (
                status = 201u16,
                description = "Success",
                body = Book,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_add() {}
    /// Take a book back.
    #[::utoipa::path(
        delete,
        path = "/readers/{reader}/books/{id}",
        tag = "shelf",
        operation_id = "shelf_give_back",
        params(("reader" = inline(UserId), Path), ("id" = inline(BookId), Path)),
        responses((status = 204u16, description = "Success"))
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_give_back() {}
    /// Correct a book.
    #[::utoipa::path(
        patch,
        path = "/books/{id}",
        tag = "shelf",
        operation_id = "shelf_correct",
        params(("id" = inline(BookId), Path)),
        request_body(content = BookPatch, content_type = "application/json"),
        responses(
            (
                status = 200u16,
                description = "Success",
                body = Book,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_correct() {}
    /// Count the copies of a book.
    #[::utoipa::path(
        put,
        path = "/books/{id}/copies",
        tag = "shelf",
        operation_id = "shelf_count",
        params(("id" = inline(BookId), Path)),
        request_body(content = Copies, content_type = "application/json"),
        responses(
            (
                status = 200u16,
                description = "Success",
                body = Book,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_count() {}
    /// Scan a page.
    #[::utoipa::path(
        post,
        path = "/books/{id}/pages",
        tag = "shelf",
        operation_id = "shelf_scan",
        params(("id" = inline(BookId), Path)),
        responses(
            (
                status = 200u16,
                description = "Success",
                body = Book,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_scan() {}
    /// Get the picture of a page.
    #[::utoipa::path(
        get,
        path = "/books/{id}/pages/{page}",
        tag = "shelf",
        operation_id = "shelf_page",
        params(("id" = inline(BookId), Path), ("page" = inline(PageId), Path)),
        responses((status = 200u16, description = "Success"))
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_page() {}
    /// Lend a book.
    #[::utoipa::path(
        put,
        path = "/loans/{id}",
        tag = "shelf",
        operation_id = "shelf_lend",
        params(("id" = inline(BookId), Path)),
        request_body(content = Loan, content_type = "application/json"),
        responses(
            (
                status = 200u16,
                description = "Success",
                body = Loan,
                content_type = "application/json"
            )
        )
    )]
    #[expect(dead_code, reason = "carries the attribute")]
    fn shelf_lend() {}
    let document = {
        #[derive(::utoipa::OpenApi)]
        #[openapi(
            paths(
                shelf_get,
                shelf_list,
                shelf_add,
                shelf_give_back,
                shelf_correct,
                shelf_count,
                shelf_scan,
                shelf_page,
                shelf_lend
            ),
            components(schemas(::kernel::Problem))
        )]
        struct Document;
        <Document as ::utoipa::OpenApi>::openapi()
    };
    ::kernel::bounds::error::<ShelfError>();
    ::kernel::bounds::query::<ListBooks>();
    ::kernel::bounds::query::<PageNumber>();
    ::kernel::openapi::finish::<
        ShelfError,
    >(
        document,
        OPS,
        &[
            (1usize, ::kernel::openapi::query::<ListBooks>),
            (6usize, ::kernel::openapi::query::<PageNumber>),
        ],
    )
}
