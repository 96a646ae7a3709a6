//! Pages of orders.

use crate::{
    OrderPage,
    context::{Orders, Result},
    store::{self, Filter},
    view,
};
use kernel::Page;

impl Orders {
    pub(crate) async fn list_page(&self, filter: &Filter, page: Option<i64>, per_page: Option<i64>) -> Result<OrderPage> {
        let db = self.db.read();
        let page = Page::of(page, per_page, 10);
        let (rows, total) = tokio::try_join!(store::page(db, filter, &page), store::count(db, filter))?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let details = store::details(db, &ids).await?;
        let orders = rows.into_iter().map(|row| view::order(row, &details)).collect::<std::result::Result<_, _>>()?;
        Ok(OrderPage { orders, pagination: page.of_total(total) })
    }
}
