//! The thread that keeps the index up with the rooms.
//!
//! It reads a room's stream after its checkpoint and takes each message that the stream makes or changes as it is now, so it folds
//! nothing itself: however often it reads a record, the index ends up the same.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use protocol::{Kind, Message, RoomName};

use super::index::{Entry, Index, is_damage};
use crate::fold::{Rooms, partition_of};
use crate::history::HistoryError;

/// How long to wait when there was little new.
const REST: Duration = Duration::from_millis(300);
/// How long to wait after an error.
const PAUSE: Duration = Duration::from_secs(5);
/// Records of one room that are read at once.
const CHUNK: usize = 1_000;
/// Records after which a batch is committed.
const BATCH: usize = 5_000;

/// Why the index could not be brought up.
#[derive(Debug, thiserror::Error)]
enum IndexerError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("the search index: {0}")]
    Index(#[from] rusqlite::Error),
}

/// The running thread.
pub struct Indexer {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Indexer {
    pub(super) fn spawn(
        rooms: Arc<Rooms>,
        directory: PathBuf,
        damaged: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        // Before anybody can search; what fails here is tried again by the thread.
        let open = Index::open(&directory, rooms.epoch());
        let work = Work {
            rooms,
            directory,
            damaged,
            open: open.ok(),
        };
        let thread = Builder::new()
            .name("search-indexer".to_owned())
            .spawn(move || work.run(&stopped))?;
        Ok(Self { stop, thread })
    }

    /// Ends it; blocks meanwhile. What it has not read is read after the next start.
    pub fn finish(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the search index has panicked");
        }
    }
}

struct Work {
    rooms: Arc<Rooms>,
    directory: PathBuf,
    /// Set by searches that met a damaged index.
    damaged: Arc<AtomicBool>,
    /// The index, and how far each room has been read.
    open: Option<(Index, HashMap<RoomName, i64>)>,
}

impl Work {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut failing = false;
        loop {
            let wait = match self.step() {
                Ok(many) => {
                    failing = false;
                    // To see what is new all rooms are looked at, so a few records are not worth looking again at once.
                    if many { Duration::ZERO } else { REST }
                }
                Err(error) => {
                    // It is opened again, and then made anew if it is damaged.
                    self.open = None;
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "the search index cannot be brought up; trying again");
                    }
                    PAUSE
                }
            };
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Takes the next records into the index; tells whether they were so many that there may be more.
    fn step(&mut self) -> Result<bool, IndexerError> {
        if self.damaged.swap(false, Ordering::Relaxed) {
            self.open = None;
        }
        let (index, known) = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(Index::open(&self.directory, self.rooms.epoch())?),
        };
        let moved = self.rooms.moved(known, BATCH);
        if moved.is_empty() {
            return Ok(false);
        }
        let (mut read, mut heads) = (0, Vec::new());
        let batch = index.begin()?;
        for room in moved {
            let (head, records, entries) = changed(&self.rooms, &room, known.get(&room).copied())?;
            batch.take(
                &room,
                partition_of(&room, self.rooms.partitions()),
                head,
                &entries,
            )?;
            heads.push((room, head));
            read += records;
            if read >= BATCH {
                break;
            }
        }
        batch.commit()?;
        known.extend(heads);
        // A room whose chunk is full may have more.
        Ok(read >= CHUNK)
    }
}

/// The next records of a room: up to which offset, how many, and what they make of its messages.
fn changed(
    rooms: &Rooms,
    room: &RoomName,
    known: Option<i64>,
) -> Result<(i64, usize, Vec<Entry>), HistoryError> {
    let after = known.unwrap_or(-1);
    let records = rooms.after(room, after, CHUNK)?.messages;
    let last = records.last().map_or(after, |last| last.position.offset);
    let new = records.iter().filter(|record| record.kind.is_row()).count();
    let mut rows: BTreeMap<i64, Message> = BTreeMap::new();
    if new > 0 {
        let page = rooms.newer(room, after, new)?.messages.into_iter();
        rows.extend(page.map(|row| (row.position.offset, row)));
    }
    let changes = records
        .iter()
        .filter(|record| matches!(record.kind, Kind::Edit | Kind::Delete));
    for offset in changes
        .filter_map(|change| change.reference)
        .map(|target| target.offset)
    {
        if offset <= after && !rows.contains_key(&offset) {
            rows.extend(rooms.row(room, offset)?.map(|row| (offset, row)));
        }
    }
    let entries = rows.into_values().filter(|row| row.kind == Kind::Message);
    let entries = entries.map(|row| Entry {
        offset: row.position.offset,
        ts: row.ts,
        text: row.body,
    });
    Ok((last, records.len(), entries.collect()))
}

/// Whether an error of a search says that the index has to be made anew.
pub(super) fn note(damaged: &AtomicBool, error: &rusqlite::Error) {
    if is_damage(error) {
        damaged.store(true, Ordering::Relaxed);
    }
}
