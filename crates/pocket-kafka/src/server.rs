//! Starting, accepting and stopping.

use std::{io, net::SocketAddr, sync::Arc, thread, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    broker::Broker,
    commit::{Committer, Job},
    connection,
    error::StartError,
    frame::Closed,
    settings::{Durability, Settings},
    storage::{self, Opened},
    topic::{Health, Log},
};

/// Jobs that wait for the commit thread; their bytes are bounded besides.
const JOBS: usize = 1024;
/// A pause after `accept` failed, for instance because the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running log. It stops when it is shut down or dropped.
#[derive(Debug)]
pub struct PocketKafka {
    address: SocketAddr,
    log: Arc<Log>,
    tasks: TaskTracker,
    stop: CancellationToken,
    committer: Option<thread::JoinHandle<()>>,
}

impl PocketKafka {
    /// Opens the log and serves it. The directory is waited for up to 5 s if another process holds it. Needs a Tokio runtime with I/O and time.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        check(&settings)?;
        let (jobs, receiver) = mpsc::channel(JOBS);
        let (opened, waiting) = oneshot::channel();
        let thread_settings = settings.clone();
        let committer = thread::Builder::new()
            .name("pocket-kafka".to_owned())
            .spawn(move || write_log(&thread_settings, opened, receiver))
            .map_err(StartError::Thread)?;
        let (log, readers) = waiting
            .await
            .map_err(|_| StartError::Thread(io::Error::other("it ended at once")))??;
        // Only now: a process that is being replaced holds its port until it has released the directory.
        let (listener, address) =
            listen(settings.listen)
                .await
                .map_err(|source| StartError::Listen {
                    address: settings.listen,
                    source,
                })?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        if let Durability::Interval(interval) = settings.durability {
            tasks.spawn(
                stop.clone()
                    .run_until_cancelled_owned(sync_regularly(jobs.clone(), interval)),
            );
        }
        let broker = Arc::new(Broker::new(
            Arc::clone(&log),
            settings,
            address,
            jobs,
            readers,
        ));
        tasks.spawn(stop.clone().run_until_cancelled_owned(accept(
            listener,
            broker,
            tasks.clone(),
            stop.clone(),
        )));
        Ok(Self {
            address,
            log,
            tasks,
            stop,
            committer: Some(committer),
        })
    }

    /// Where clients connect: the address of the settings, with the port that was taken if it was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Failed writes and reads since the start, and batches refused for want of free space: what a health check reads, because producers
    /// just wait and retry while a disk is full.
    pub fn storage_errors(&self) -> u64 {
        self.log.storage_errors()
    }

    /// Tells whether the log takes anything.
    pub fn health(&self) -> Health {
        Health(Arc::clone(&self.log))
    }

    /// Closes all connections, finishes what was queued, closes the files and releases the directory.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        // The last connection is gone and with it the last sender of jobs, so the thread ends when the queue is empty.
        if let Some(committer) = self.committer.take()
            && tokio::task::spawn_blocking(|| committer.join())
                .await
                .is_err()
        {
            tracing::error!("the thread that writes the log did not end cleanly");
        }
    }
}

impl Drop for PocketKafka {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

fn check(settings: &Settings) -> Result<(), StartError> {
    if !settings.listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(settings.listen));
    }
    let usable = |text: &str| !text.is_empty() && !text.contains('\0');
    if !usable(&settings.credentials.username) || !usable(&settings.credentials.password) {
        return Err(StartError::Credentials);
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

type Shared = (Arc<Log>, storage::Readers);

/// The commit thread: opens the log, hands over what connections need, then writes until nobody can ask any more.
fn write_log(
    settings: &Settings,
    opened: oneshot::Sender<Result<Shared, StartError>>,
    jobs: mpsc::Receiver<Job>,
) {
    match storage::open(settings) {
        Ok(Opened {
            writer,
            readers,
            log,
            next_partition,
        }) => {
            let log = Arc::new(log);
            if opened.send(Ok((Arc::clone(&log), readers))).is_ok() {
                Committer::new(writer, log, settings.limits, next_partition).run(jobs);
            }
        }
        Err(error) => drop(opened.send(Err(error))),
    }
}

async fn sync_regularly(jobs: mpsc::Sender<Job>, interval: Duration) {
    let mut ticks = time::interval(interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if jobs.send(Job::Sync).await.is_err() {
            return;
        }
    }
}

async fn accept(
    listener: TcpListener,
    broker: Arc<Broker>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(broker.settings.limits.connections));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, "refused: {} connections are open already", broker.settings.limits.connections);
            continue;
        };
        let broker = Arc::clone(&broker);
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            serve(stream, peer, broker).await;
            drop(place);
        }));
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, broker: Arc<Broker>) {
    match connection::serve(stream, broker).await {
        Ok(()) | Err(Closed::ByPeer) => tracing::debug!(%peer, "connection ended"),
        Err(Closed::Io(error)) => tracing::debug!(%peer, "connection lost: {error}"),
        Err(closed) => tracing::warn!(%peer, "connection closed: {closed}"),
    }
}
