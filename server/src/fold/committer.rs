//! The thread that moves the tail into the store.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::rooms::Rooms;
use crate::history::{HistoryError, Writer};

/// How long to wait after a failed commit.
const PAUSE: Duration = Duration::from_millis(500);

/// The running thread.
pub struct Committer {
    rooms: Arc<Rooms>,
    thread: JoinHandle<()>,
}

impl Committer {
    /// Starts it.
    pub fn spawn(rooms: Arc<Rooms>, writer: Writer) -> io::Result<Self> {
        let thread = {
            let rooms = Arc::clone(&rooms);
            Builder::new()
                .name("history-writer".to_owned())
                .spawn(move || run(&rooms, writer))?
        };
        Ok(Self { rooms, thread })
    }

    /// Commits what is left and ends; blocks meanwhile. What the store refuses now is read from the log at the next start.
    pub fn finish(self) {
        self.rooms.backlog().close();
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the history has panicked");
        }
    }
}

fn run(rooms: &Rooms, mut writer: Writer) {
    let backlog = rooms.backlog();
    let mut failing = false;
    while backlog.gather() {
        let mut batch = rooms.collect(backlog.limits().batch);
        match writer.commit(&mut batch) {
            Ok(()) => {
                rooms.release(&batch);
                if std::mem::take(&mut failing) {
                    tracing::info!("the history can be written again");
                }
            }
            // Nothing more will be committed; the server says so in its health and keeps what it has.
            Err(HistoryError::Damaged(_)) if !backlog.closed() => backlog.pause(Duration::MAX),
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "the history cannot be written; trying again");
                }
                if backlog.closed() {
                    return;
                }
                backlog.pause(PAUSE);
            }
        }
    }
}
