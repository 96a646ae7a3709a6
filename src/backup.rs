//! `souk backup` and `souk restore`: the data folder of a shop on embedded stores. Servers have tools of their own (docs/operating.md).
//!
//! A backup is a folder with a copy of each database, the generated keys, and `backup.json`, which has the SHA-256 of each file.

use crate::{config::Settings, verify};
use anyhow::{Context, bail, ensure};
use kernel::db::{
    backup::{check, copy_all},
    sqlite_file,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

const MANIFEST: &str = "backup.json";

/// What a backup contains, and what it was made from.
#[derive(Serialize, Deserialize)]
struct Manifest {
    version: String,
    commit: String,
    at: kernel::chrono::DateTime<kernel::chrono::Utc>,
    /// SHA-256 in hexadecimal digits, by the name of the file.
    files: BTreeMap<String, String>,
}

/// Writes a backup into a new folder, also while the shop runs.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn back_up(settings: &Settings, to: &Path) -> anyhow::Result<()> {
    ensure!(!to.exists(), "{} exists already: a backup needs a new folder", to.display());
    // the name is complete only when the backup is
    let partial = PathBuf::from(format!("{}.partial", to.display()));
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial).with_context(|| partial.display().to_string())?;
    let (mut databases, mut elsewhere) = (Vec::new(), Vec::new());
    for (module, url) in settings.database_urls() {
        match sqlite_file(&url) {
            Some(file) => databases.push((file.into(), partial.join(format!("{module}.db")))),
            None => elsewhere.push(module),
        }
    }
    copy_all(&databases).await?;
    for (_, copy) in &databases {
        check(copy).await?;
    }
    for key in keys(&settings.data)? {
        fs::copy(settings.data.join(&key), partial.join(&key)).with_context(|| key.clone())?;
    }
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("BUILT_COMMIT").into(),
        at: kernel::now(),
        files: hashes(&partial)?,
    };
    fs::write(partial.join(MANIFEST), serde_json::to_vec_pretty(&manifest)?)?;
    for entry in fs::read_dir(&partial)? {
        File::open(entry?.path())?.sync_all()?;
    }
    fs::rename(&partial, to)?;
    println!("{} files are in {}", manifest.files.len(), to.display());
    if !elsewhere.is_empty() {
        println!("not in it, because they are on servers: {}", elsewhere.join(", "));
    }
    Ok(())
}

/// Puts a backup into the data folder, which must have no databases yet, and verifies what is there then.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) async fn restore(settings: &Settings, from: &Path) -> anyhow::Result<ExitCode> {
    let manifest = fs::read(from.join(MANIFEST)).with_context(|| format!("{} is no backup", from.display()))?;
    let manifest: Manifest = serde_json::from_slice(&manifest).with_context(|| format!("{} cannot be read", MANIFEST))?;
    let found = hashes(from)?;
    for (name, hash) in &manifest.files {
        match found.get(name) {
            Some(found) if found == hash => {}
            Some(_) => bail!("{name} has changed since the backup"),
            None => bail!("{name} is missing"),
        }
        if name.ends_with(".db") {
            check(&from.join(name)).await?;
        }
    }
    let urls = settings.database_urls();
    let files = urls.iter().filter_map(|(module, url)| Some((format!("{module}.db"), PathBuf::from(sqlite_file(url)?))));
    let targets: BTreeMap<String, PathBuf> = files.collect();
    let target = |name: &str| targets.get(name).cloned().unwrap_or_else(|| settings.data.join(name));
    for name in manifest.files.keys() {
        let file = target(name);
        ensure!(!file.exists(), "{} exists already: stop the shop, and move its data away", file.display());
    }
    for name in manifest.files.keys() {
        let file = target(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from.join(name), &file).with_context(|| file.display().to_string())?;
        File::open(&file)?.sync_all()?;
    }
    println!("{} files of {} are in place", manifest.files.len(), manifest.at);
    match verify::run(settings).await {
        Ok(code) => Ok(code),
        // such as the backup of an older release, whose tables `souk migrate` or `serve` will bring up to date
        Err(e) => {
            println!("not verified yet: {e:#}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Files of the data folder that are no databases: generated keys.
fn keys(data: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(data).with_context(|| data.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && ![".db", "-wal", "-shm"].iter().any(|end| name.ends_with(end)) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The SHA-256 of each file of a backup.
fn hashes(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != MANIFEST {
            let mut hash = Sha256::new();
            io::copy(&mut File::open(entry.path())?, &mut hash)?;
            hashes.insert(name, format!("{:x}", hash.finalize()));
        }
    }
    Ok(hashes)
}
