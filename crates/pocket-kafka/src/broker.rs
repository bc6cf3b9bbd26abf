//! What every connection needs: the log, the way to the commit thread, storage to read from, and the settings.

use std::{net::SocketAddr, sync::Arc};

use kafka_protocol::error::ResponseError;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task,
};

use crate::{
    batch::Batch,
    commit::{Append, Job},
    partition::{Appended, Partition},
    settings::Settings,
    storage::{READERS, ReadError, Reader, Readers},
    topic::Log,
};

/// The most bytes of batches that wait for the commit thread; connections wait before they queue more.
const QUEUED_BYTES: usize = 64 << 20;

pub(crate) struct Broker {
    pub(crate) log: Arc<Log>,
    pub(crate) settings: Settings,
    /// Where clients reach this log; what Metadata answers.
    pub(crate) address: SocketAddr,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    readers: Arc<Readers>,
    reading: Semaphore,
}

/// The answer of the commit thread, when it comes.
pub(crate) type Waiting<T> = oneshot::Receiver<Result<T, ResponseError>>;

impl Broker {
    pub(crate) fn new(
        log: Arc<Log>,
        settings: Settings,
        address: SocketAddr,
        jobs: mpsc::Sender<Job>,
        readers: Readers,
    ) -> Self {
        Self {
            log,
            settings,
            address,
            jobs,
            room: Arc::new(Semaphore::new(QUEUED_BYTES)),
            readers: Arc::new(readers),
            reading: Semaphore::new(READERS),
        }
    }

    /// Queues a batch for a durable partition. Batches of one connection keep their order.
    pub(crate) async fn append(
        &self,
        topic: Arc<str>,
        partition: Arc<Partition>,
        batch: Batch,
    ) -> Result<Waiting<Appended>, ResponseError> {
        let bytes = u32::try_from(batch.len().min(QUEUED_BYTES)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(bytes)
            .await
            .map_err(|_| ResponseError::KafkaStorageError)?;
        let (reply, waiting) = oneshot::channel();
        self.submit(Job::Append(Append {
            topic,
            partition,
            batch,
            reply,
            room,
        }))
        .await?;
        Ok(waiting)
    }

    pub(crate) async fn create_topic(
        &self,
        name: String,
        partitions: i32,
    ) -> Result<(), ResponseError> {
        let in_memory = self.settings.memory_topics.contains(&name);
        let (reply, waiting) = oneshot::channel();
        self.submit(Job::CreateTopic {
            name,
            partitions,
            in_memory,
            reply,
        })
        .await?;
        decided(waiting).await
    }

    pub(crate) async fn new_producer_id(&self) -> Result<i64, ResponseError> {
        let (reply, waiting) = oneshot::channel();
        self.submit(Job::NewProducerId { reply }).await?;
        decided(waiting).await
    }

    /// Reads from storage beside the runtime's threads, a few at a time.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let _turn = self
            .reading
            .acquire()
            .await
            .map_err(|_| ReadError::Stopped)?;
        let readers = Arc::clone(&self.readers);
        task::spawn_blocking(move || readers.with(work))
            .await
            .unwrap_or(Err(ReadError::Stopped))
    }

    async fn submit(&self, job: Job) -> Result<(), ResponseError> {
        self.jobs.send(job).await.map_err(|_| {
            self.log.count_storage_error();
            ResponseError::KafkaStorageError
        })
    }
}

/// Waits for the commit thread; that it is gone means that nothing can be stored any more.
pub(crate) async fn decided<T>(waiting: Waiting<T>) -> Result<T, ResponseError> {
    waiting
        .await
        .unwrap_or(Err(ResponseError::KafkaStorageError))
}
