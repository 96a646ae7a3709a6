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
::core::compile_error! {
    "name an operation of this trait without `IfMatch`: the refusal of calls without one recommends it"
}
