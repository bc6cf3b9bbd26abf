//! What is wrong with log and history, as a report that a person reads.

use std::fmt;

use app::utc_datetime;
use pocket_kafka::{Inspection, Lost};

use super::compare::{self, Compared};
use super::{MaintenanceError, Site};
use crate::bridge;
use crate::history::HistoryError;
use crate::history::audit::Audit;

/// Everything that was found.
pub(super) struct Findings {
    /// The embedded log, if there is one.
    pub(super) log: Option<LogFindings>,
    pub(super) history: HistoryFindings,
}

pub(super) struct LogFindings {
    pub(super) inspection: Inspection,
    /// For each lost stretch the rooms of which the history still shows messages of it, and how many.
    still_shown: Vec<Vec<(String, u64)>>,
}

pub(super) enum HistoryFindings {
    /// The next start makes one.
    None,
    /// It cannot be read to its end.
    Damaged(String),
    /// Its own rows are whole; the log is not, so the two were not compared.
    Alone { messages: u64, rooms: usize },
    /// It was held against the log.
    Compared(Compared),
}

impl Findings {
    pub(super) fn is_whole(&self) -> bool {
        self.log_is_whole() && self.history_is_whole()
    }

    pub(super) fn log_is_whole(&self) -> bool {
        self.log
            .as_ref()
            .is_none_or(|log| log.inspection.is_whole())
    }

    pub(super) fn history_is_whole(&self) -> bool {
        match &self.history {
            HistoryFindings::None | HistoryFindings::Alone { .. } => true,
            HistoryFindings::Damaged(_) => false,
            HistoryFindings::Compared(compared) => compared.is_same(),
        }
    }
}

/// Reads everything.
pub(super) fn examine(site: &Site<'_>) -> Result<Findings, MaintenanceError> {
    let directory = site.log_directory();
    let inspection = match &directory {
        // A server that never got as far has none.
        Some(directory) if directory.join("log.sqlite").exists() => {
            Some(pocket_kafka::inspect(directory)?)
        }
        Some(directory) => {
            let missing = format!("there is no log in {}", directory.display());
            Some(Inspection {
                damage: vec![missing],
                ..Inspection::default()
            })
        }
        None => None,
    };
    let log = inspection.map(|inspection| LogFindings {
        still_shown: still_shown(site, &inspection.lost),
        inspection,
    });
    let readable = log.as_ref().is_none_or(|log| log.inspection.is_whole());
    let history = match examine_history(site, readable) {
        Err(MaintenanceError::History(HistoryError::Damaged(what))) => {
            HistoryFindings::Damaged(what)
        }
        other => other?,
    };
    Ok(Findings { log, history })
}

fn examine_history(
    site: &Site<'_>,
    log_is_readable: bool,
) -> Result<HistoryFindings, MaintenanceError> {
    let Some(audit) = Audit::open(&site.config.data)? else {
        return Ok(HistoryFindings::None);
    };
    if let Some(first) = audit.structure()?.into_iter().next() {
        return Ok(HistoryFindings::Damaged(first));
    }
    let (messages, _) = audit.count()?;
    if !log_is_readable {
        return Ok(HistoryFindings::Alone {
            messages,
            rooms: audit.saved.rooms.len(),
        });
    }
    let compared = site.with_log(|_, settings| {
        let log = bridge::Audit::new(settings)?;
        compare::compare(&log, &audit, messages, site.config.partitions)
    })?;
    Ok(HistoryFindings::Compared(compared))
}

/// What the history says of lost stretches. Whatever it cannot say is left out: this is a help, no proof.
fn still_shown(site: &Site<'_>, lost: &[Lost]) -> Vec<Vec<(String, u64)>> {
    let audit = Audit::open(&site.config.data).ok().flatten();
    let [_, (messages, _)] = site.topics();
    let rooms_of = |lost: &Lost| {
        let Some(audit) = audit.as_ref().filter(|_| lost.topic == messages) else {
            return Vec::new();
        };
        let rooms = audit
            .saved
            .rooms
            .iter()
            .filter(|room| room.partition == lost.partition);
        let counted = rooms.filter_map(|room| {
            let count = audit.between(room.id, lost.first, lost.end).ok()?;
            (count > 0).then(|| (room.name.to_string(), count))
        });
        counted.collect()
    };
    lost.iter().map(rooms_of).collect()
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.log {
            Some(log) => log.fmt(formatter)?,
            None => writeln!(formatter, "The log is Kafka's; its brokers look after it.")?,
        }
        self.history.fmt(formatter)
    }
}

impl fmt::Display for LogFindings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inspection {
            partitions,
            batches,
            bytes,
            damage,
            lost,
        } = &self.inspection;
        let count = partitions.len();
        writeln!(
            formatter,
            "The log: {count} partitions with {batches} whole batches of {bytes} bytes."
        )?;
        for damage in damage {
            writeln!(formatter, "  damaged: {damage}")?;
        }
        for (lost, rooms) in lost.iter().zip(&self.still_shown) {
            let Lost {
                topic,
                partition,
                first,
                end,
                between: (after, before),
            } = lost;
            write!(
                formatter,
                "  lost: {} record(s) of {topic}, partition {partition}, offsets {first} to {}",
                end - first,
                end - 1
            )?;
            match (after, before) {
                (Some(after), Some(before)) => write!(
                    formatter,
                    ", between {} and {}",
                    utc_datetime(*after),
                    utc_datetime(*before)
                )?,
                (Some(after), None) => write!(formatter, ", after {}", utc_datetime(*after))?,
                (None, Some(before)) => write!(formatter, ", before {}", utc_datetime(*before))?,
                (None, None) => {}
            }
            writeln!(formatter)?;
            for (room, messages) in rooms {
                writeln!(
                    formatter,
                    "    room {room}: the history still has {messages} message(s) of them"
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for HistoryFindings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => writeln!(
                formatter,
                "The history: there is none yet; the next start builds it from the log."
            ),
            Self::Damaged(what) => writeln!(formatter, "The history: damaged ({what})."),
            Self::Alone { messages, rooms } => writeln!(
                formatter,
                "The history: {messages} whole messages in {rooms} rooms, not compared with the log, which is damaged."
            ),
            Self::Compared(compared) => compared.fmt(formatter),
        }
    }
}
