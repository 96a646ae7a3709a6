//! Counts a change only if it is one.

use sea_orm::{
    ActiveModelTrait, ActiveValue, Condition, EntityTrait, ExprTrait, Iterable,
    sea_query::{CaseStatement, Expr},
};

/// `value` in a statement that changes some column which is set in `row`, or else what `column` has: a repeated call is no change.
pub(super) fn if_changed<A: ActiveModelTrait>(row: &A, value: Expr, column: <A::Entity as EntityTrait>::Column) -> Expr {
    let mut differs = Condition::any();
    for column in <A::Entity as EntityTrait>::Column::iter() {
        if let ActiveValue::Set(wanted) = row.get(column) {
            let is_missing = wanted == wanted.as_null();
            let is_other = Expr::col(column).ne(wanted).or(Expr::col(column).is_null());
            differs = differs.add(if is_missing { Expr::col(column).is_not_null() } else { is_other });
        }
    }
    match differs.is_empty() {
        true => Expr::col(column),
        false => CaseStatement::new().case(differs, value).finally(Expr::col(column)).into(),
    }
}
