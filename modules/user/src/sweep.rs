//! Removes expired rows.

use crate::{attempts::WINDOW, store};
use kernel::{Fault, chrono::TimeDelta, db::Db};

pub(crate) async fn sweep(db: &Db) -> Result<(), Fault> {
    store::sweep_attempts(db.write(), db.now() - WINDOW).await?;
    store::sweep_confirmations(db.write(), db.now()).await?;
    let tx = db.begin().await?;
    store::sweep_sessions(&*tx, db.now() - TimeDelta::days(1)).await?;
    tx.commit().await
}
