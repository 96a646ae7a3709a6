//! Receives files, and imports them in the background: any instance of the module takes one that waits.

use super::{ImportCounts, ImportOptions, Watcher};
use crate::{
    Import, ImportFile, ImportId, ImportStock, MAX_WRONG_ROWS, ProductError, WrongRow,
    context::{Products, Result},
    csv::records::Pieces,
    entity::import::{Model, State},
    rules,
    store::imports,
    view::to_import,
};
use kernel::{
    Ctx, Fault, Upload, UserId,
    chrono::TimeDelta,
    db::Db,
    jobs::{Beat, Jobs},
};
use std::time::Duration;
use tokio::time::Instant;

/// How many bytes of a file are in a row.
const CHUNK: usize = 1 << 18;
/// How often the job looks for files that another instance has received.
const POLL: Duration = Duration::from_secs(5);
/// How often an import may break off.
const MOST_FAILURES: i64 = 5;
/// How long an import that broke off waits.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

impl Products {
    pub(crate) async fn receive_import(&self, cx: &Ctx, query: ImportFile, mut body: Upload) -> Result<Import> {
        let options = ImportOptions {
            dry_run: query.dry_run.unwrap_or_default(),
            set_stock: query.stock.unwrap_or_default() == ImportStock::Set,
        };
        let id = imports::begin(self.db.write(), options, cx.user()?, self.db.now()).await?;
        if let Err(fault) = self.keep_file(id, &mut body).await {
            imports::forget(self.db.write(), id).await?;
            return Err(fault.into());
        }
        imports::queue(self.db.write(), id).await?;
        self.imports.notify_one();
        self.find_import(id).await
    }

    async fn keep_file(&self, id: ImportId, body: &mut Upload) -> Result<(), Fault> {
        let (mut number, mut chunk) = (0, Vec::new());
        while let Some(bytes) = body.chunk().await? {
            chunk.extend_from_slice(&bytes);
            if chunk.len() >= CHUNK {
                imports::add_chunk(self.db.write(), id, number, std::mem::take(&mut chunk)).await?;
                number += 1;
            }
        }
        if chunk.is_empty() { Ok(()) } else { imports::add_chunk(self.db.write(), id, number, chunk).await }
    }

    pub(crate) async fn find_import(&self, id: ImportId) -> Result<Import> {
        let import = imports::one(self.db.read(), id).await?.ok_or(ProductError::ImportNotFound)?;
        Ok(to_import(import)?)
    }

    /// Imports the files that wait, until jobs are to end.
    pub(crate) async fn import_files(&self, jobs: &Jobs, beat: &Beat) {
        while !jobs.stopping().is_cancelled() {
            match self.import_next(jobs, beat).await {
                Ok(true) => beat.succeeded(),
                Ok(false) => {
                    beat.succeeded();
                    let wait = async {
                        tokio::select! {
                            () = self.imports.notified() => {}
                            () = tokio::time::sleep(POLL) => {}
                        }
                    };
                    jobs.stopping().run_until_cancelled(wait).await;
                }
                Err(_) => {
                    beat.failed();
                    jobs.stopping().run_until_cancelled(tokio::time::sleep(POLL)).await;
                }
            }
        }
    }

    /// Imports a file that waits; `false` when there is none.
    async fn import_next(&self, jobs: &Jobs, beat: &Beat) -> Result<bool, Fault> {
        let Some(import) = imports::take(self.db.write(), self.db.now()).await? else { return Ok(false) };
        let options = ImportOptions { dry_run: import.dry_run, set_stock: import.set_stock };
        let file = Stored { db: &self.db, id: ImportId(import.id) };
        let mut progress =
            Progress { db: &self.db, import: &import, jobs, beat, wrong: Vec::new(), noted: Instant::now(), is_lost: false };
        let outcome = match import.failures > MOST_FAILURES {
            true => Err(Fault::internal(format_args!("import {} broke off {MOST_FAILURES} times", import.id))),
            false => self.import(&file, options, import.user_id.map(UserId), &mut progress).await,
        };
        let (wrong, is_lost) = (progress.wrong, progress.is_lost);
        match outcome {
            Ok(counts) => self.end_import(&import, counts, &wrong).await?,
            Err(_) if is_lost => {}
            Err(_) if jobs.stopping().is_cancelled() => {
                imports::release(self.db.write(), &import, self.db.now(), false).await?;
            }
            Err(_) if import.failures > MOST_FAILURES => {
                let tx = self.db.begin().await?;
                let message = "It broke off several times. What was imported until then stays.";
                imports::finish(&*tx, &import, State::Failed, String::new(), Some(message), self.db.now()).await?;
                tx.commit().await?;
            }
            Err(fault) => {
                imports::release(self.db.write(), &import, self.db.now() + PAUSE, true).await?;
                return Err(fault);
            }
        }
        Ok(true)
    }

    async fn end_import(&self, import: &Model, counts: ImportCounts, wrong: &[WrongRow]) -> Result<(), Fault> {
        let (state, message) = match counts.wrong {
            0 => (State::Done, None),
            _ if counts.added + counts.changed + counts.unchanged == 0 => (State::Refused, None),
            _ => (State::Refused, Some("The catalogue was changed meanwhile. What was imported until then stays.")),
        };
        let tx = self.db.begin().await?;
        imports::reached(&*tx, import, state, counts, self.db.now()).await?;
        imports::finish(&*tx, import, state, rules::to_stored(&wrong.to_vec())?, message, self.db.now()).await?;
        tx.commit().await
    }
}

/// A file that was received.
struct Stored<'a> {
    db: &'a Db,
    id: ImportId,
}

impl Pieces for Stored<'_> {
    async fn piece(&self, number: u64) -> Result<Vec<u8>, Fault> {
        imports::chunk(self.db.read(), self.id, i64::try_from(number).map_err(Fault::internal)?).await
    }
}

/// Notes how far an import is, for those who ask.
struct Progress<'a> {
    db: &'a Db,
    import: &'a Model,
    jobs: &'a Jobs,
    beat: &'a Beat,
    wrong: Vec<WrongRow>,
    /// When that was done.
    noted: Instant,
    /// Another instance has taken the import.
    is_lost: bool,
}

impl Watcher for Progress<'_> {
    fn wrong(&mut self, row: WrongRow) {
        if self.wrong.len() < MAX_WRONG_ROWS {
            self.wrong.push(row);
        }
    }

    async fn reached(&mut self, counts: ImportCounts, is_writing: bool) -> Result<(), Fault> {
        if self.jobs.stopping().is_cancelled() {
            return Err(Fault::away("The process ends"));
        }
        if self.noted.elapsed() < Duration::from_secs(1) {
            return Ok(());
        }
        self.noted = Instant::now();
        self.beat.succeeded();
        let state = if is_writing { State::Importing } else { State::Checking };
        self.is_lost = !imports::reached(self.db.write(), self.import, state, counts, self.db.now()).await?;
        if self.is_lost { Err(Fault::away("Another instance imports the file")) } else { Ok(()) }
    }
}
