//! The commit thread: it alone appends to durable topics, a group at a time, so that one sync serves all that waited for it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use kafka_protocol::error::ResponseError;
use rusqlite::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{
    batch::Batch,
    partition::{Admission, Admitted, Appended, Appender, PARTITION_LIMIT, Partition, PartitionId},
    settings::Limits,
    storage::{Changes, Writer},
    topic::{Log, Topic, Trouble},
};

/// A commit quicker than this is not worth waiting for company.
const QUICK_COMMIT: Duration = Duration::from_micros(500);
/// The longest wait for company, however slow the disk was last time.
const LONGEST_GATHERING: Duration = Duration::from_millis(10);
/// The most batches in one transaction.
const GROUP: usize = 4096;

type Reply<T> = oneshot::Sender<Result<T, ResponseError>>;

/// What connections ask of the commit thread.
pub(crate) enum Job {
    Append(Append),
    CreateTopic {
        name: String,
        partitions: i32,
        in_memory: bool,
        reply: Reply<()>,
    },
    NewProducerId {
        reply: Reply<i64>,
    },
    /// Sync what was committed without a sync.
    Sync,
}

/// A batch for a durable partition.
pub(crate) struct Append {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: Arc<Partition>,
    pub(crate) batch: Batch,
    pub(crate) reply: Reply<Appended>,
    /// Bounds the bytes that are queued.
    pub(crate) room: OwnedSemaphorePermit,
}

/// Unix milliseconds.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) struct Committer {
    writer: Writer,
    log: Arc<Log>,
    limits: Limits,
    next_partition: i64,
    last_commit: Duration,
    /// Failed transactions since the last that succeeded; only the first is worth a line.
    failing: u64,
    disk_is_full: bool,
}

/// What a group does to one partition.
struct Touched {
    topic: Arc<str>,
    partition: Arc<Partition>,
    before: Appender,
    admitted: Vec<Admitted>,
    /// Whose batches these are; a producer may be here more than once.
    producers: Vec<i64>,
}

impl Committer {
    pub(crate) fn new(writer: Writer, log: Arc<Log>, limits: Limits, next_partition: i64) -> Self {
        Self {
            writer,
            log,
            limits,
            next_partition,
            last_commit: Duration::ZERO,
            failing: 0,
            disk_is_full: false,
        }
    }

    /// Works until every sender is gone.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = jobs.blocking_recv();
        while let Some(job) = next.take() {
            let Job::Append(first) = job else {
                self.administer(job);
                next = jobs.blocking_recv();
                continue;
            };
            self.gather();
            let mut group = vec![first];
            while group.len() < GROUP {
                match jobs.try_recv() {
                    Ok(Job::Append(append)) => group.push(append),
                    Ok(other) => {
                        next = Some(other);
                        break;
                    }
                    Err(_) => break,
                }
            }
            self.append(group);
            next = next.or_else(|| jobs.blocking_recv());
        }
        // What was promised within an interval is promised at the end of it.
        let synced = self.writer.sync();
        self.note(synced);
    }

    /// Waits for company before a commit that will be slow: on a disk that takes 5 ms to sync this triples the batches of a commit.
    fn gather(&self) {
        if self.last_commit > QUICK_COMMIT {
            thread::sleep((self.last_commit / 10).min(LONGEST_GATHERING));
        }
    }

    fn append(&mut self, group: Vec<Append>) {
        if !self.has_space() {
            for append in group {
                self.log.count_storage_error();
                if let Some(producer) = append.batch.producer() {
                    append.partition.appender().expect(producer.producer);
                }
                answer(append.reply, Err(ResponseError::KafkaStorageError));
            }
            return;
        }
        let mut touched = BTreeMap::new();
        let mut answers = Vec::with_capacity(group.len());
        let now = now();
        for Append {
            topic,
            partition,
            batch,
            reply,
            room,
        } in group
        {
            answers.push((
                reply,
                admit(&mut touched, topic, partition, batch, now),
                room,
            ));
        }
        if self.write(&touched) {
            publish(&self.log, touched);
            for (reply, result, _) in answers {
                answer(reply, result);
            }
        } else {
            // As if the group had never arrived: its producers try again, and every other answer in it was built on what failed.
            for touched in touched.into_values() {
                let mut appender = touched.partition.appender();
                *appender = touched.before;
                for producer in touched.producers {
                    appender.expect(producer);
                }
            }
            for (reply, ..) in answers {
                answer(reply, Err(ResponseError::KafkaStorageError));
            }
        }
    }

    /// Whether the group is in the log now.
    fn write(&mut self, touched: &BTreeMap<PartitionId, Touched>) -> bool {
        let changes: Vec<_> = touched
            .values()
            .filter(|touched| !touched.admitted.is_empty())
            .map(Touched::changes)
            .collect();
        if changes.is_empty() {
            return true;
        }
        let begun = Instant::now();
        let written = self.writer.append(&changes);
        self.last_commit = begun.elapsed();
        self.note(written).is_some()
    }

    fn administer(&mut self, job: Job) {
        match job {
            Job::CreateTopic {
                name,
                partitions,
                in_memory,
                reply,
            } => answer(reply, self.create_topic(name, partitions, in_memory)),
            Job::NewProducerId { reply } => {
                let id = self.writer.new_producer_id();
                answer(reply, self.note(id).ok_or(ResponseError::KafkaStorageError));
            }
            Job::Sync => {
                let synced = self.writer.sync();
                self.note(synced);
            }
            Job::Append(append) => self.append(vec![append]),
        }
    }

    fn create_topic(
        &mut self,
        name: String,
        partitions: i32,
        in_memory: bool,
    ) -> Result<(), ResponseError> {
        let topics = self.log.topics();
        if topics.iter().any(|(existing, _)| *existing == name) {
            return Err(ResponseError::TopicAlreadyExists);
        }
        let wanted = usize::try_from(partitions).map_err(|_| ResponseError::InvalidPartitions)?;
        let used: usize = topics.iter().map(|(_, topic)| topic.partitions.len()).sum();
        let first = self.next_partition;
        let next = first + i64::from(partitions);
        if topics.len() >= self.limits.topics
            || used + wanted > self.limits.partitions
            || next > PARTITION_LIMIT
        {
            return Err(ResponseError::PolicyViolation);
        }
        let created = self.writer.create_topic(&name, first, partitions);
        self.note(created).ok_or(ResponseError::KafkaStorageError)?;
        self.next_partition = next;
        let partitions = (0..partitions)
            .map(|number| {
                let id = PartitionId(first + i64::from(number));
                if in_memory {
                    Partition::in_memory(id, number, self.limits.memory_partition_bytes)
                } else {
                    Partition::durable(id, number, 0, Appender::default())
                }
            })
            .collect();
        self.log.insert(name, Topic { partitions });
        Ok(())
    }

    /// Counts and logs a failed transaction.
    fn note<T>(&mut self, result: rusqlite::Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.log.set_trouble(None);
                if self.failing > 0 {
                    tracing::info!(
                        "the log can be written again after {} failed attempts",
                        self.failing
                    );
                    self.failing = 0;
                }
                Some(value)
            }
            Err(error) => {
                self.log.count_storage_error();
                let trouble = match error.sqlite_error_code() {
                    Some(ErrorCode::DiskFull) => Trouble::Full,
                    _ => Trouble::Failing,
                };
                self.log.set_trouble(Some(trouble));
                if self.failing == 0 {
                    tracing::error!(
                        "the log cannot be written, producers are told to try again: {error}"
                    );
                }
                self.failing += 1;
                None
            }
        }
    }

    /// Refusing early leaves room for what frees space: deleting from a full disk fails too.
    fn has_space(&mut self) -> bool {
        let free = self.writer.free_bytes();
        let is_full = free.is_some_and(|free| free < self.limits.free_space_floor);
        if is_full {
            self.log.set_trouble(Some(Trouble::Full));
        }
        if is_full && !self.disk_is_full {
            let (free, floor) = (free.unwrap_or(0), self.limits.free_space_floor);
            tracing::error!(
                "the disk of the log has {free} free bytes, fewer than {floor}: nothing is written until there are more"
            );
        } else if !is_full && self.disk_is_full {
            tracing::info!("the disk of the log has space again");
        }
        self.disk_is_full = is_full;
        !is_full
    }
}

impl Touched {
    fn changes(&self) -> Changes<'_> {
        let (next_offset, last_time) = {
            let appender = self.partition.appender();
            (appender.next_offset, appender.last_time)
        };
        Changes {
            partition: self.partition.id,
            topic: &self.topic,
            number: self.partition.number,
            start_offset: self.partition.published().start,
            next_offset,
            last_time,
            admitted: &self.admitted,
        }
    }
}

fn admit(
    touched: &mut BTreeMap<PartitionId, Touched>,
    topic: Arc<str>,
    partition: Arc<Partition>,
    batch: Batch,
    now: i64,
) -> Result<Appended, ResponseError> {
    let touched = touched.entry(partition.id).or_insert_with(|| {
        let before = partition.appender().clone();
        Touched {
            topic,
            partition,
            before,
            admitted: Vec::new(),
            producers: Vec::new(),
        }
    });
    touched
        .producers
        .extend(batch.producer().map(|sequenced| sequenced.producer));
    let admission = touched.partition.appender().admit(batch, now);
    match admission {
        Admission::Append(admitted) => {
            let answer = Appended {
                base_offset: admitted.batch.base_offset,
                time: admitted.batch.time,
            };
            touched.admitted.push(admitted);
            Ok(answer)
        }
        Admission::Repeat(answer) => Ok(answer),
        Admission::Refuse(error) => Err(error),
    }
}

fn publish(log: &Log, touched: BTreeMap<PartitionId, Touched>) {
    for Touched {
        partition,
        admitted,
        ..
    } in touched.into_values()
    {
        for admitted in admitted {
            partition.publish(admitted.batch);
        }
    }
    log.appended.notify_waiters();
}

/// The asker may be gone; what was decided stands.
fn answer<T>(reply: Reply<T>, result: Result<T, ResponseError>) {
    drop(reply.send(result));
}
