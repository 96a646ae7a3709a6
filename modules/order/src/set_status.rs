//! Moving an order to `shipped` or `delivered`, and correcting the note of such a move.

use crate::{
    NextStatus, OrderDelivered, OrderError, OrderReply, OrderShipped, SetStatus,
    context::{Orders, Result},
    entity::order::{self, State},
    meters,
    publish::publish,
    rules::with_note,
    store, view,
};
use kernel::{Ctx, OrderId, db::Tx};

impl Orders {
    pub(crate) async fn ship_or_deliver(&self, cx: &Ctx, id: OrderId, request: SetStatus) -> Result<OrderReply> {
        let (from, to, title) = match request.status {
            NextStatus::Shipped => (State::Paid, State::Shipped, "Shipped"),
            NextStatus::Delivered => (State::Shipped, State::Delivered, "Delivered"),
        };
        let tx = self.db.begin().await?;
        let row = match store::advance(&*tx, id.0, from, to).await? {
            Some(row) => {
                publish_status(&tx, cx, &row, &request).await?;
                store::add_to_timelines(&*tx, &[id.0], to, &with_note(title, request.note.as_deref())).await?;
                meters::count(&tx, to.status(), 1);
                row
            }
            None => match store::order(&*tx, id).await? {
                None | Some(order::Model { state: State::Placing, .. }) => return Err(OrderError::NotFound),
                Some(row) if row.state == to => return self.correct_note(tx, cx, row, request).await,
                Some(row) => return Err(OrderError::IllegalState { status: row.state.status() }),
            },
        };
        let details = store::details(&*tx, &[row.id]).await?;
        let reply = OrderReply { order: view::order(row, &details)? };
        tx.commit().await?;
        Ok(reply)
    }

    /// Handles a status that the order already has. Without a note, or with the same note, nothing changes. Another note is added to
    /// the timeline and published.
    async fn correct_note(&self, tx: Tx, cx: &Ctx, row: order::Model, request: SetStatus) -> Result<OrderReply> {
        let details = store::details(&*tx, &[row.id]).await?;
        let unchanged = OrderReply { order: view::order(row.clone(), &details)? };
        let Some(note) = request.note.as_deref() else { return Ok(unchanged) };
        let state = row.state;
        // this locks the order, so that one of two equal corrections at once is added
        let Some(row) = store::advance(&*tx, row.id, state, state).await? else {
            return Err(OrderError::Busy);
        };
        let last = store::timelines(&*tx, &[row.id]).await?.into_iter().rfind(|entry| entry.state == state);
        let (first, corrected) = match request.status {
            NextStatus::Shipped => (with_note("Shipped", Some(note)), with_note("Shipped, corrected", Some(note))),
            NextStatus::Delivered => (with_note("Delivered", Some(note)), with_note("Delivered, corrected", Some(note))),
        };
        if last.is_some_and(|last| last.note == first || last.note == corrected) {
            return Ok(unchanged);
        }
        publish_status(&tx, cx, &row, &request).await?;
        store::add_to_timelines(&*tx, &[row.id], state, &corrected).await?;
        let details = store::details(&*tx, &[row.id]).await?;
        let reply = OrderReply { order: view::order(row, &details)? };
        tx.commit().await?;
        Ok(reply)
    }
}

async fn publish_status(tx: &Tx, cx: &Ctx, row: &order::Model, request: &SetStatus) -> Result<()> {
    let note = request.note.as_deref();
    match request.status {
        NextStatus::Shipped => publish::<OrderShipped>(tx, cx, row, note).await,
        NextStatus::Delivered => publish::<OrderDelivered>(tx, cx, row, note).await,
    }
}
