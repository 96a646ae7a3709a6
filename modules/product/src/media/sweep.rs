//! Removes pictures that nothing has ever had, and objects that no picture has.

use super::making::original_of;
use crate::{context::Products, store};
use futures_util::{StreamExt, TryStreamExt};
use kernel::{Fault, chrono::TimeDelta};
use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
};

/// How long a picture waits to be used.
const UNUSED: TimeDelta = TimeDelta::days(7);
/// How long an object may be without a row: longer than any upload takes, by whatever clock the store goes.
const WITHOUT_ROW: TimeDelta = TimeDelta::days(1);
/// Rows in one statement.
const BATCH: usize = 500;
/// Folders of objects, by the first two digits of their names.
const FOLDERS: usize = 256;
/// Folders that are looked at each time: all of them within three hours.
const AT_ONCE: usize = 16;

/// The folder that is looked at next.
static NEXT: AtomicUsize = AtomicUsize::new(0);

impl Products {
    /// Sweeps all pictures that are due, and some of the objects.
    pub(crate) async fn sweep_media(&self) -> Result<(), Fault> {
        while self.sweep_unused().await? == BATCH {}
        let start = NEXT.fetch_add(AT_ONCE, Ordering::Relaxed);
        for folder in (start..start + AT_ONCE).map(|folder| folder % FOLDERS) {
            self.sweep_objects(&format!("{folder:02x}")).await?;
        }
        Ok(())
    }

    async fn sweep_unused(&self) -> Result<usize, Fault> {
        let tx = self.db.begin().await?;
        let unused = store::media::lock_unused(&*tx, self.db.now() - UNUSED, BATCH as u64).await?;
        let (ids, objects): (Vec<_>, Vec<_>) = unused.into_iter().map(|row| (row.id, row.object)).unzip();
        store::media::delete(&*tx, &ids).await?;
        tx.commit().await?;
        for object in &objects {
            self.pictures.remove(object).await?;
        }
        Ok(ids.len())
    }

    /// Removes the objects in a folder that have no row.
    pub(crate) async fn sweep_objects(&self, folder: &str) -> Result<(), Fault> {
        let before = self.db.now() - WITHOUT_ROW;
        let old = self.pictures.blobs.list(folder).try_filter(|(_, at)| std::future::ready(*at < before));
        let mut batches = std::pin::pin!(old.map_ok(|(key, _)| key).try_chunks(BATCH));
        while let Some(keys) = batches.next().await {
            let keys = keys.map_err(|e| e.1)?;
            let originals: HashSet<String> = keys.iter().map(|key| original_of(key).to_owned()).collect();
            let known: HashSet<String> =
                store::media::known(self.db.read(), originals.into_iter().collect()).await?.into_iter().collect();
            self.pictures.blobs.remove(keys.into_iter().filter(|key| !known.contains(original_of(key)))).await?;
        }
        Ok(())
    }
}
