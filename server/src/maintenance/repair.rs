//! The steps that make the data directory whole again. What a crash leaves of them, the same command finishes: a file that is made first and
//! removed last says which copy is the damaged original, and a server does not start beside it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::examine::{Findings, examine};
use super::{MaintenanceError, Site};
use crate::bridge::{self, Stage};
use crate::chat::Listeners;
use crate::history::audit;
use crate::metrics::log::LogMetrics;

/// Names the damaged original while a repair is under way.
const MARKER: &str = "repair";

/// Whether a repair was begun in this data directory and not finished.
pub fn is_unfinished(data: &Path) -> bool {
    data.join(MARKER).exists()
}

/// Says what is wrong and what is done about it, and with `yes` does it; tells whether all is whole now.
pub(super) fn repair(
    site: &Site<'_>,
    yes: bool,
    said: &mut dyn Write,
) -> Result<bool, MaintenanceError> {
    let data = &site.config.data;
    if is_unfinished(data) {
        writeln!(said, "A repair was begun and not finished.")?;
        if !yes {
            writeln!(said, "Nothing was changed. To finish it: maru repair --yes")?;
            return Ok(false);
        }
        return finish(site, said);
    }
    let found = examine(site)?;
    write!(said, "{found}")?;
    if found.is_whole() {
        writeln!(said, "All is whole; there is nothing to mend.")?;
        return Ok(true);
    }
    plan(&found, said)?;
    if !yes {
        writeln!(said, "Nothing was changed. To do that: maru repair --yes")?;
        return Ok(false);
    }
    if !found.log_is_whole() {
        begin(site)?;
    }
    finish(site, said)
}

fn plan(found: &Findings, said: &mut dyn Write) -> Result<(), MaintenanceError> {
    writeln!(said, "To mend it:")?;
    if let Some(log) = found.log.as_ref().filter(|log| !log.inspection.is_whole()) {
        let lost: i64 = log
            .inspection
            .lost
            .iter()
            .map(|lost| lost.end - lost.first)
            .sum();
        writeln!(
            said,
            "- a new log is written of all that is whole; the damaged one is kept beside it. That takes as much space again."
        )?;
        writeln!(
            said,
            "- {lost} record(s) stay lost, although their senders were told that they were stored. If you have a backup that has them, restore it instead."
        )?;
        writeln!(
            said,
            "- the log gets a new epoch, so that no client trusts a position of the damaged one; pages that are open reload their room."
        )?;
    }
    writeln!(
        said,
        "- the history is moved aside and built again from the log."
    )?;
    Ok(())
}

/// Moves the damaged log aside under a name that nobody has.
fn begin(site: &Site<'_>) -> Result<(), MaintenanceError> {
    let Some(log) = site.log_directory() else {
        return Ok(());
    };
    let data = &site.config.data;
    let taken = |number: &u32| !data.join(format!("log.damaged-{number}")).exists();
    let name = format!(
        "log.damaged-{}",
        (1..10_000).find(taken).unwrap_or_default()
    );
    let marker = data.join(MARKER);
    let write = || {
        let mut file = File::create(&marker)?;
        file.write_all(name.as_bytes())?;
        file.sync_all()?;
        sync_directory(data)
    };
    write().map_err(MaintenanceError::file(&marker))?;
    if log.exists() {
        fs::rename(&log, data.join(&name)).map_err(MaintenanceError::file(&log))?;
    } else {
        let empty = data.join(&name);
        fs::create_dir(&empty).map_err(MaintenanceError::file(&empty))?;
    }
    sync_directory(data).map_err(MaintenanceError::file(data))
}

/// Everything after the damaged log has been moved aside, if it was.
fn finish(site: &Site<'_>, said: &mut dyn Write) -> Result<bool, MaintenanceError> {
    let data = &site.config.data;
    let marker = data.join(MARKER);
    if is_unfinished(data) {
        let name = fs::read_to_string(&marker).map_err(MaintenanceError::file(&marker))?;
        let damaged = data.join(&name);
        if name.is_empty() || !damaged.exists() {
            // It ended before anything was moved, so the log is still the damaged one.
            begin(site)?;
            return finish(site, said);
        }
        write_log(site, &damaged, said)?;
    }
    if data.join("history.db").exists() {
        let aside = audit::set_aside(data)?;
        writeln!(said, "The history is now {}.", aside.display())?;
    }
    rebuild(site)?;
    match fs::remove_file(&marker) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(MaintenanceError::file(&marker)(error));
        }
        _ => sync_directory(data).map_err(MaintenanceError::file(data))?,
    }
    let found = examine(site)?;
    write!(said, "Mended.\n{found}")?;
    Ok(found.is_whole())
}

fn write_log(
    site: &Site<'_>,
    damaged: &Path,
    said: &mut dyn Write,
) -> Result<(), MaintenanceError> {
    let Some(log) = site.log_directory() else {
        return Ok(());
    };
    if log.exists() {
        // Of an attempt that did not come to its end: the damaged original is in its place.
        fs::remove_dir_all(&log).map_err(MaintenanceError::file(&log))?;
    }
    if damaged.join("log.sqlite").exists() {
        pocket_kafka::salvage(damaged, &log, &site.topics())?;
    }
    sync_directory(&site.config.data).map_err(MaintenanceError::file(&site.config.data))?;
    let epoch = site.with_log(|_, settings| {
        let audit = bridge::Audit::new(settings)?;
        // A log without topics gets its first epoch when they are made.
        Ok(audit.epoch()?.map(|_| audit.supersede()).transpose()?)
    })?;
    writeln!(said, "The damaged log is now {}.", damaged.display())?;
    if let Some(epoch) = epoch {
        writeln!(said, "The log has the epoch {epoch} now.")?;
    }
    Ok(())
}

/// Catches up with the log as a server does.
fn rebuild(site: &Site<'_>) -> Result<(), MaintenanceError> {
    site.with_log(|runtime, settings| {
        let listeners = Arc::new(Listeners::default());
        let (told, _) = watch::channel(Stage::Connecting);
        let metrics = LogMetrics::default();
        let started = bridge::start(settings, listeners.clone(), listeners, told, metrics);
        runtime.block_on(async {
            started.await?.shutdown().await;
            Ok(())
        })
    })
}

/// Makes renamed and new entries of a directory survive a power loss.
fn sync_directory(directory: &Path) -> std::io::Result<()> {
    let path: PathBuf = directory.to_owned();
    File::open(path)?.sync_all()
}
