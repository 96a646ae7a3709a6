/// What can go wrong with books.
#[derive(Debug, Clone, PartialEq, thiserror::Error, kernel::ApiError)]
#[api(module = "shelf")]
pub enum ShelfError {
    /// There is no such book.
    #[error("Book not found")]
    #[api(not_found)]
    NotFound,
    /// Someone else has the book.
    #[error("Reader {reader} has the book for {days} days")]
    #[api(conflict)]
    LentOut { reader: UserId, days: u32 },
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] kernel::Fault),
}
