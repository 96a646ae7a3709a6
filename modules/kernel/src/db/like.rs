//! Patterns for `LIKE`.

use sea_orm::sea_query::LikeExpr;

/// A pattern that matches `text` literally between `before` and `after`, which may be `%`.
pub fn like(before: &str, text: &str, after: &str) -> LikeExpr {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("{before}{escaped}{after}")).escape('\\')
}
