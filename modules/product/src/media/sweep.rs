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
        let old = self.pictures.blobs.list(folder)?.try_filter(|(_, at)| std::future::ready(*at < before));
        let mut batches = std::pin::pin!(old.map_ok(|(key, _)| key).try_chunks(BATCH));
        while let Some(keys) = batches.next().await {
            let keys = keys.map_err(|e| e.1)?;
            let originals: HashSet<String> = keys.iter().map(|key| original_of(key).to_owned()).collect();
            let known: HashSet<String> =
                store::media::known(self.db.read(), originals.into_iter().collect()).await?.into_iter().collect();
            self.pictures.blobs.remove(keys.into_iter().filter(|key| !known.contains(original_of(key)))).await?;
        }
        self.pictures.blobs.remove_parts(folder, before).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Config, MediaId, MediaSize, NewCategory, ProductApi,
        entity::media::{Column, Entity},
    };
    use kernel::{now, testing};
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    use std::{
        fs::{self, File},
        path::{Path, PathBuf},
    };

    /// A file that was last written some days ago.
    fn aged(path: &Path, days: i64) {
        let then = now() - TimeDelta::days(days);
        File::options().append(true).open(path).and_then(|file| file.set_modified(then.into())).expect("a file");
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let folders = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut all: Vec<PathBuf> = folders
            .flat_map(|folder| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()))
            .collect();
        all.sort();
        all
    }

    #[tokio::test]
    async fn what_nothing_has_ever_had_is_removed_and_nothing_else() {
        let folder = testing::folder();
        let media = folder.path().join("media");
        let database_url = testing::sqlite(folder.path(), "product");
        let config = Config { database_url, media_url: format!("file://{}", media.display()), ..Config::default() };
        let products = Products::open_and_migrate(&config).await.expect("open");
        let mut ids: Vec<MediaId> = Vec::new();
        for seed in 0..3 {
            let drawing = products.pictures.drawn(seed).await.expect("drawn");
            ids.push(products.keep(drawing).await.expect("kept").id);
            products.picture(&ids[seed as usize], MediaSize::Thumb).await.expect("made");
        }
        // of three, the first is used, the second is old, the third is new
        let new = NewCategory { name: "Rugs".into(), picture_id: Some(Some(ids[0].clone())), ..NewCategory::default() };
        products.create_category(&testing::admin(), new).await.expect("added");
        Entity::update_many()
            .col_expr(Column::UploadedAt, Expr::value(now() - TimeDelta::days(8)))
            .filter(Column::Id.is_in([ids[0].as_str(), ids[1].as_str()]))
            .exec(products.db.write())
            .await
            .expect("old");
        let old = media.join("ab");
        fs::create_dir_all(&old).expect("a folder");
        for name in ["abcd-1", "abcd-1.thumb", "abcd-2#1"] {
            fs::write(old.join(name), "left over").expect("written");
            aged(&old.join(name), 2);
        }
        for name in ["abef-3", "abef-4#1"] {
            fs::write(old.join(name), "being written").expect("written");
        }
        files(&media).iter().filter(|path| !path.starts_with(&old)).for_each(|path| aged(path, 30));

        for _ in 0..FOLDERS / AT_ONCE {
            products.sweep_media().await.expect("swept");
        }
        let left = files(&media);
        let of = |id: &MediaId| left.iter().filter(|path| path.to_string_lossy().contains(id.as_str())).count();
        assert_eq!(ids.iter().map(of).collect::<Vec<_>>(), [2, 0, 2]);
        let young: Vec<_> = left.iter().filter(|path| path.starts_with(&old)).filter_map(|path| path.file_name()).collect();
        assert_eq!(young, ["abef-3", "abef-4#1"]);
    }
}
