//! Search over the history: an index of its own, filled from the rooms, that can be deleted at any time.
//!
//! # Layout
//!
//! - `words`: texts into terms, queries into expressions, excerpts; pure
//! - `index`: the file `search.db`
//! - `indexer`: the thread that keeps it up with the rooms
//!
//! The index only says where to look: each hit is read from the history and held against the query again, so a message that
//! was edited or deleted a moment ago is not found by what it said before.

mod index;
mod indexer;
mod words;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use protocol::search::{SearchHit, SearchHits};
use protocol::{Position, RoomName};
use rusqlite::ErrorCode;
use tokio::sync::Semaphore;

use crate::fold::Rooms;
use crate::history::HistoryError;
use index::Finder;
pub use indexer::Indexer;
pub use words::Query;

/// Searches that run at a time; others wait, so that searching never takes what chatting needs.
const AT_A_TIME: usize = 2;
/// How long one search may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing could be searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The message that `before` names is in no index.
    #[error("before is the position of a message that was found")]
    Before,
    /// The history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// It took longer than a search may.
    #[error("search took too long: use longer words")]
    TooLong,
    /// The index cannot be read.
    #[error("the search index cannot be read: {0}")]
    Index(rusqlite::Error),
}

impl From<rusqlite::Error> for SearchError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::TooLong,
            _ => Self::Index(error),
        }
    }
}

/// The search of one server.
pub struct Search {
    rooms: Arc<Rooms>,
    directory: PathBuf,
    damaged: Arc<AtomicBool>,
    /// Taken before [`Search::find`] is called, and kept until it returns.
    pub turns: Arc<Semaphore>,
}

impl Search {
    /// Opens the index in a directory and keeps it up with the rooms from now on.
    pub fn start(rooms: &Arc<Rooms>, directory: &Path) -> io::Result<(Self, Indexer)> {
        let damaged = Arc::new(AtomicBool::new(false));
        let indexer = Indexer::spawn(
            Arc::clone(rooms),
            directory.to_owned(),
            Arc::clone(&damaged),
        )?;
        let search = Self {
            rooms: Arc::clone(rooms),
            directory: directory.to_owned(),
            damaged,
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
        };
        Ok((search, indexer))
    }

    /// The newest messages that a query finds, at most `limit`: in one room or in all, and older than the hit at `before`.
    pub fn find(
        &self,
        query: &Query,
        room: Option<&RoomName>,
        before: Option<Position>,
        limit: usize,
    ) -> Result<SearchHits, SearchError> {
        let deadline = Instant::now() + PATIENCE;
        self.look(query, room, before, limit, deadline)
            .inspect_err(|error| {
                if let SearchError::Index(error) = error {
                    indexer::note(&self.damaged, error);
                }
            })
    }

    fn look(
        &self,
        query: &Query,
        room: Option<&RoomName>,
        before: Option<Position>,
        limit: usize,
        deadline: Instant,
    ) -> Result<SearchHits, SearchError> {
        let finder = Finder::open(&self.directory, deadline)?;
        let mut below = match before {
            None => i64::MAX,
            Some(position) if position.epoch == self.rooms.epoch() => finder
                .number(position.partition, position.offset)?
                .ok_or(SearchError::Before)?,
            Some(_) => return Err(SearchError::Before),
        };
        let expression = query.expression();
        let mut found = SearchHits::default();
        loop {
            // One more than wanted tells whether there are more.
            let named = finder.find(&expression, room, below, limit + 1)?;
            let all = named.len() <= limit;
            for named in named {
                if Instant::now() >= deadline {
                    return Err(SearchError::TooLong);
                }
                below = named.number;
                let Some(hit) = self.hit(query, &named)? else {
                    continue;
                };
                if found.hits.len() == limit {
                    found.more = true;
                    return Ok(found);
                }
                found.hits.push(hit);
            }
            if all {
                return Ok(found);
            }
        }
    }

    fn hit(&self, query: &Query, named: &index::Named) -> Result<Option<SearchHit>, HistoryError> {
        let Ok(room) = named.room.parse::<RoomName>() else {
            return Ok(None);
        };
        let Some(message) = self.rooms.row(&room, named.offset)? else {
            return Ok(None);
        };
        Ok(query.excerpt(&message.body).map(|excerpt| SearchHit {
            room,
            message,
            excerpt,
        }))
    }
}
