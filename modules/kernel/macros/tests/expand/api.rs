/// Books on a shelf.
pub trait ShelfApi {
    /// Get one book.
    ///
    /// Lent ones, too.
    #[get("/books/{id}", public = "/api/books/{id}", access = anyone, etag, localized, rate = "100/min", errors(NotFound))]
    async fn get(&self, cx: &Ctx, id: BookId) -> Result<Book, ShelfError>;

    /// List books.
    #[get("/books", access = role(customer))]
    async fn list(&self, cx: &Ctx, query: ListBooks) -> Result<Vec<Book>, ShelfError>;

    /// Add a book.
    #[post("/books", public = "/api/books", access = role(admin), retry = key, status = 201, rate = "5/s")]
    async fn add(&self, cx: &Ctx, new: NewBook) -> Result<Book, ShelfError>;

    /// Take a book back.
    #[delete("/readers/{reader}/books/{id}", public = "/api/my/books/{id}", access = user, status = 204, rate = "1/day")]
    async fn give_back(&self, cx: &Ctx, reader: UserId, id: BookId) -> Result<(), ShelfError>;

    /// Correct a book.
    #[patch("/books/{id}", access = role(admin), etag)]
    async fn correct(&self, cx: &Ctx, id: BookId, if_match: IfMatch, patch: BookPatch) -> Result<Book, ShelfError>;

    /// Count the copies of a book.
    #[put("/books/{id}/copies", access = role(admin), etag, unless = add)]
    async fn count(&self, cx: &Ctx, id: BookId, if_match: IfMatch, copies: Copies) -> Result<Book, ShelfError>;

    /// Scan a page.
    #[post("/books/{id}/pages", access = role(admin), retry = never, upload("image/png", "image/jpeg", max = "20 MB"), within = "5min")]
    async fn scan(&self, cx: &Ctx, id: BookId, page: Upload, query: PageNumber) -> Result<Book, ShelfError>;

    /// Get the picture of a page.
    #[get("/books/{id}/pages/{page}", access = anyone, download("image/png"))]
    async fn page(&self, cx: &Ctx, id: BookId, page: PageId) -> Result<Download, ShelfError>;

    /// Lend a book.
    #[put("/loans/{id}", access = module(desk, robot), errors(NotFound, LentOut))]
    async fn lend(&self, cx: &Ctx, id: BookId, loan: Loan) -> Result<Loan, ShelfError>;
}
