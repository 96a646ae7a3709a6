//! Pages of sorted lists: by number, which reads what comes before, or after the last row of the page before, which an index finds.

use crate::{
    Cursor, Fault, Page,
    cursor::{End, Key},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, IdenStatic, ModelTrait, Order, QueryFilter, QueryOrder,
    QuerySelect, Select, Value,
    sea_query::{ArrayType, Expr},
};

/// The rows of a page.
#[derive(Debug)]
pub struct Rows<M> {
    /// In the order of the list.
    pub rows: Vec<M>,
    /// Where they end, if more follow.
    pub end: Option<End>,
}

/// The sort order of a list: columns, and the id at last. With an index on one column and the id, each page of a list that is
/// sorted by this column alone costs what the first one does.
///
/// Rows without a value of a key are first in ascending order on SQLite, and last on PostgreSQL: each store has its indexes so.
#[derive(Debug)]
pub struct Keyset<E: EntityTrait> {
    keys: Vec<SortKey<E>>,
}

#[derive(Debug)]
struct SortKey<E: EntityTrait> {
    column: E::Column,
    is_descending: bool,
}

impl<E: EntityTrait> Keyset<E> {
    /// By these columns, each with whether the order is descending, then by `id`, which is unique, in the direction of the last.
    pub fn new(columns: impl IntoIterator<Item = (E::Column, bool)>, id: E::Column) -> Self {
        let name = |column: E::Column| column.as_str().to_owned();
        let mut keys: Vec<SortKey<E>> = Vec::new();
        let mut direction = false;
        for (column, is_descending) in columns {
            // after the first time a column decides nothing, and after the id none does
            let decides = keys.iter().all(|key| ![name(column), name(id)].contains(&name(key.column)));
            if decides {
                keys.push(SortKey { column, is_descending });
                direction = is_descending;
            }
        }
        if keys.iter().all(|key| name(key.column) != name(id)) {
            keys.push(SortKey { column: id, is_descending: direction });
        }
        Self { keys }
    }

    /// The rows of `find` on this page.
    ///
    /// # Errors
    /// `invalid_argument` naming `cursor` when it was made up, or when the store fails.
    pub async fn page(&self, db: &impl ConnectionTrait, find: Select<E>, page: &Page) -> Result<Rows<E::Model>, Fault> {
        let find = self
            .keys
            .iter()
            .fold(find, |find, key| find.order_by(column(key), if key.is_descending { Order::Desc } else { Order::Asc }));
        let Some(End::After(after)) = page.from() else { return by_number(db, find, page, |row| self.end(row)).await };
        let after = self.values(after).ok_or_else(Cursor::foreign)?;
        let (mut rows, wanted) = (Vec::new(), page.per_page() as usize + 1);
        // few: no more than keys and keys that may be missing, and none is read when the page is full
        for part in self.parts_after(&after, db.get_database_backend()) {
            let find = part.into_iter().fold(find.clone(), |find, condition| find.filter(condition));
            rows.extend(find.limit((wanted - rows.len()) as u64).all(db).await?);
            if rows.len() == wanted {
                break;
            }
        }
        cut(rows, page, |row| self.end(row))
    }

    /// What comes after a row, in parts that follow each other, each with conditions that an index can answer: one of "or" it could not.
    ///
    /// The first part has the same keys as the row except for the last ones, which are beyond those of the row; the next part
    /// differs in an earlier key, and so on. PostgreSQL compares keys of one direction at once.
    fn parts_after(&self, after: &[Option<Value>], store: DbBackend) -> Vec<Vec<Expr>> {
        let mut parts = Vec::new();
        let mut end = self.keys.len();
        while end > 0 {
            let mut start = end - 1;
            // A missing value cannot be compared, and rows without one are a part of their own. SQLite would look up only the first
            // of several keys.
            while store != DbBackend::Sqlite
                && start > 0
                && !is_nullable(&self.keys[start])
                && self.keys[start - 1].is_descending == self.keys[end - 1].is_descending
                && after[start - 1].is_some()
            {
                start -= 1;
            }
            let same = || std::iter::zip(&self.keys, after).take(start).map(|(key, value)| is(key, value)).collect::<Vec<_>>();
            let mut part = |condition| parts.push([same(), vec![condition]].concat());
            let key = &self.keys[start];
            let are_nulls_last = key.is_descending == (store == DbBackend::Sqlite);
            if after[start].is_some() {
                part(beyond(&self.keys[start..end], after[start..end].iter().flatten()));
                if is_nullable(key) && are_nulls_last {
                    part(column(key).is_null());
                }
            } else if !are_nulls_last {
                part(column(key).is_not_null());
            }
            end = start;
        }
        parts
    }

    fn end(&self, row: &E::Model) -> Result<End, Fault> {
        let keys = self.keys.iter().map(|key| {
            let unfit = || Fault::internal(format_args!("no cursor can be made of {}: see `to_key`", key.column.as_str()));
            to_key(row.get(key.column)).ok_or_else(unfit)
        });
        Ok(End::After(keys.collect::<Result<_, _>>()?))
    }

    /// The values of the keys, if they are of the types of the columns.
    fn values(&self, after: &[Key]) -> Option<Vec<Option<Value>>> {
        let all = after.len() == self.keys.len();
        let values = std::iter::zip(&self.keys, after).map(|(key, value)| match value {
            Key::Null => is_nullable(key).then_some(None),
            value => to_value(value, &<E::Model as ModelTrait>::get_value_type(key.column)).map(Some),
        });
        values.collect::<Option<Vec<_>>>().filter(|_| all)
    }
}

/// The rows of `find` on this page, in an order that is worked out for all of them each time, such as the quality of a match.
///
/// # Errors
/// When the store fails.
pub async fn ranked<E: EntityTrait>(db: &impl ConnectionTrait, find: Select<E>, page: &Page) -> Result<Rows<E::Model>, Fault> {
    by_number(db, find, page, |_| Ok(End::Offset)).await
}

async fn by_number<E: EntityTrait>(
    db: &impl ConnectionTrait,
    find: Select<E>,
    page: &Page,
    end: impl FnOnce(&E::Model) -> Result<End, Fault>,
) -> Result<Rows<E::Model>, Fault> {
    let rows = find.offset(page.offset()).limit(u64::from(page.per_page()) + 1).all(db).await?;
    cut(rows, page, end)
}

/// One row more than the page has was read, to see whether there is one.
fn cut<M>(mut rows: Vec<M>, page: &Page, end: impl FnOnce(&M) -> Result<End, Fault>) -> Result<Rows<M>, Fault> {
    let more = rows.len() > page.per_page() as usize;
    rows.truncate(page.per_page() as usize);
    let end = rows.last().filter(|_| more).map(end).transpose()?;
    Ok(Rows { rows, end })
}

fn column<E: EntityTrait>(key: &SortKey<E>) -> Expr {
    Expr::col(key.column.as_column_ref())
}

fn is_nullable<E: EntityTrait>(key: &SortKey<E>) -> bool {
    key.column.def().is_null()
}

fn is<E: EntityTrait>(key: &SortKey<E>, value: &Option<Value>) -> Expr {
    value.as_ref().map_or_else(|| column(key).is_null(), |value| column(key).eq(value.clone()))
}

/// That these keys, which have one direction, are beyond the values.
fn beyond<'a, E: EntityTrait>(keys: &[SortKey<E>], values: impl Iterator<Item = &'a Value>) -> Expr {
    let is_descending = keys.iter().any(|key| key.is_descending);
    // of one value, too: (id) > (7)
    let (left, right) = (Expr::tuple(keys.iter().map(column)), Expr::tuple(values.cloned().map(Expr::val)));
    if is_descending { left.lt(right) } else { left.gt(right) }
}

/// The types that have been needed so far; none for others.
fn to_key(value: Value) -> Option<Key> {
    let key = match value {
        Value::BigInt(value) => value.map(Key::Int),
        Value::String(value) => value.map(Key::Text),
        Value::Bytes(value) => value.map(Key::Bytes),
        Value::ChronoDateTimeUtc(value) => value.map(Key::Time),
        _ => return None,
    };
    Some(key.unwrap_or(Key::Null))
}

/// The value of a column of this type.
fn to_value(key: &Key, of: &ArrayType) -> Option<Value> {
    Some(match (of, key) {
        (ArrayType::BigInt, Key::Int(number)) => Value::BigInt(Some(*number)),
        (ArrayType::String, Key::Text(text)) => Value::String(Some(text.clone())),
        (ArrayType::Bytes, Key::Bytes(bytes)) => Value::Bytes(Some(bytes.clone())),
        (ArrayType::ChronoDateTimeUtc, Key::Time(time)) => Value::ChronoDateTimeUtc(Some(*time)),
        _ => return None,
    })
}
