//! The steps from nothing to a caught-up fold, tried again until Kafka answers.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use protocol::Epoch;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::checkpoint::{self, Fit};
use super::consumer::Reader;
use super::link::{Link, Quiet};
use super::trouble::{Trouble, setting};
use super::watchdog::Watchdog;
use super::watermarks::watermarks;
use super::{
    DeliveryFailures, Log, LogSettings, Producer, Stage, StartError, Stop, Stopped, epoch, topics,
};
use crate::fold::{Committer, Observer, Rooms};
use crate::history::{Saved, Store};
use crate::metrics::log::{LogMetrics, Start};

/// Between two attempts to reach Kafka.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a broker has to answer the first question, before the reports say what is wrong.
const HELLO: Duration = Duration::from_secs(2);
/// How long a broker has to answer one question.
const ANSWER: Duration = Duration::from_secs(5);

/// Connects to the log, checks it and the store against each other, and folds what was in it; returns when caught up.
///
/// While Kafka cannot be reached it goes on trying. `stage` is told all the while, and later on if the log can no longer
/// be followed. Dropping the future ends everything.
pub async fn start(
    settings: LogSettings,
    observer: Arc<dyn Observer>,
    failures: Arc<dyn DeliveryFailures>,
    stage: watch::Sender<Stage>,
    metrics: LogMetrics,
) -> Result<Log, StartError> {
    stage.send_replace(Stage::Connecting);
    settings.check_files()?;
    let link = Arc::new(Link::new(&settings.brokers));
    let producer = Producer::new(&settings, &link, failures, &metrics)?;
    let stop = Stop::new();
    let side_settings = settings.clone();
    let (tell, outcome) = oneshot::channel();
    let starter = Starter {
        context: Quiet(Arc::clone(&link)),
        settings,
        observer,
        producer: producer.clone(),
        stage,
        stopped: stop.signal(),
        metrics,
        runtime: Handle::current(),
    };
    let consumer = thread::Builder::new()
        .name("log-reader".to_owned())
        .spawn(move || starter.run(tell))?;
    let Running {
        rooms,
        committer,
        watchdog,
    } = outcome.await.map_err(|_| StartError::GivenUp)??;
    Ok(Log {
        rooms,
        producer,
        settings: side_settings,
        link,
        stop,
        threads: [consumer, watchdog],
        committer,
    })
}

/// What the reading thread hands over once it has caught up.
struct Running {
    rooms: Arc<Rooms>,
    committer: Committer,
    watchdog: JoinHandle<()>,
}

/// Everything the reading thread needs to start.
struct Starter {
    settings: LogSettings,
    observer: Arc<dyn Observer>,
    context: Quiet,
    producer: Producer,
    stage: watch::Sender<Stage>,
    stopped: Stopped,
    metrics: LogMetrics,
    runtime: Handle,
}

/// What the log says before anything is folded.
struct Surveyed {
    epoch: Epoch,
    /// Why the store has to be set aside, if it has.
    start_over: Option<String>,
    /// The first offset and the one after the last of each partition.
    watermarks: Vec<(i64, i64)>,
}

impl Starter {
    /// The whole life of the reading thread.
    fn run(self, tell: oneshot::Sender<Result<Running, StartError>>) {
        match self.prepare() {
            Ok((mut reader, committer)) => {
                self.read(&mut reader, committer, tell);
                reader.close();
            }
            Err(error) => self.fail(tell, error),
        }
    }

    fn read(
        &self,
        reader: &mut Reader,
        committer: Committer,
        tell: oneshot::Sender<Result<Running, StartError>>,
    ) {
        let caught_up = match reader.catch_up(&self.stage) {
            Ok(()) => self.watch(reader),
            Err(_) if self.stopped.is_set() => Err(StartError::GivenUp),
            Err(sentence) => Err(StartError::Lost(sentence)),
        };
        let watchdog = match caught_up {
            Ok(watchdog) => watchdog,
            Err(error) => {
                committer.finish();
                return self.fail(tell, error);
            }
        };
        self.stage.send_replace(Stage::Ready);
        let rooms = Arc::clone(&reader.rooms);
        if let Err(Ok(unwanted)) = tell.send(Ok(Running {
            rooms,
            committer,
            watchdog,
        })) {
            unwanted.committer.finish();
            return;
        }
        if let Err(sentence) = reader.follow() {
            tracing::error!(
                reason = sentence,
                "the log can no longer be followed: clients are sent away, and it is begun anew"
            );
            self.stage.send_replace(Stage::Failed(sentence));
        }
    }

    fn fail(&self, tell: oneshot::Sender<Result<Running, StartError>>, error: StartError) {
        self.stage.send_replace(Stage::Failed(error.to_string()));
        drop(tell.send(Err(error)));
    }

    fn watch(&self, reader: &Reader) -> Result<JoinHandle<()>, StartError> {
        let watchdog = Watchdog {
            consumer: self.consumer()?,
            settings: self.settings.clone(),
            rooms: Arc::clone(&reader.rooms),
            orders: Arc::clone(&reader.orders),
            metrics: self.metrics.clone(),
            stopped: self.stopped.clone(),
        };
        Ok(thread::Builder::new()
            .name("log-watchdog".to_owned())
            .spawn(move || watchdog.run())?)
    }

    fn consumer(&self) -> Result<BaseConsumer<Quiet>, StartError> {
        BaseConsumer::from_config_and_context(&self.settings.consumer(), self.context.clone())
            .map_err(setting)
    }

    fn prepare(&self) -> Result<(Reader, Committer), StartError> {
        let mut store = Store::open(&self.settings.directory)?;
        let consumer: BaseConsumer<Quiet> =
            BaseConsumer::from_config_and_context(&self.settings.consumer(), self.context.clone())
                .map_err(setting)?;
        let Surveyed {
            epoch,
            start_over,
            watermarks,
        } = self.reach(&consumer, &store.saved)?;
        let begins_as = match (&start_over, store.saved.epoch) {
            (Some(_), _) => Start::Rebuilt,
            (None, None) => Start::Fresh,
            (None, Some(_)) => Start::Continued,
        };
        if let Some(reason) = start_over {
            store = store.start_over(&reason)?;
        }
        if store.saved.epoch != Some(epoch) {
            store.writer.set_epoch(epoch)?;
        }
        let partitions = self.settings.partitions;
        let rooms = Rooms::new(
            epoch,
            partitions,
            &store,
            Arc::clone(&self.observer),
            self.settings.limits(),
        )?;
        let rooms = Arc::new(rooms);
        let committer = Committer::spawn(Arc::clone(&rooms), store.writer)?;
        let reader = Reader {
            settings: self.settings.clone(),
            context: self.context.clone(),
            rooms,
            orders: Arc::default(),
            metrics: self.metrics.clone(),
            stopped: self.stopped.clone(),
            consumer,
            watermarks,
        };
        self.metrics.starts.add(begins_as);
        tracing::info!(%epoch, topic = self.settings.messages_topic(), partitions, "the log is there");
        Ok((reader, committer))
    }

    /// Surveys the log as soon as that is possible.
    fn reach(&self, consumer: &BaseConsumer<Quiet>, saved: &Saved) -> Result<Surveyed, StartError> {
        let link = &self.context.0;
        loop {
            match self.survey(consumer, saved) {
                Ok(surveyed) => {
                    link.answered();
                    self.metrics.connected.set(1);
                    return Ok(surveyed);
                }
                Err(Trouble::Never(error)) => return Err(error),
                Err(Trouble::Later(reason)) => {
                    // Serves librdkafka's reports, which say more than the failed call.
                    while consumer.poll(Duration::ZERO).is_some() {}
                    if let Some(refusal) = link.refusal() {
                        return Err(refusal);
                    }
                    link.lost(&reason);
                    link.tick();
                }
            }
            if self.stopped.is_set() {
                return Err(StartError::GivenUp);
            }
            thread::sleep(PAUSE);
        }
    }

    fn survey(&self, consumer: &BaseConsumer<Quiet>, saved: &Saved) -> Result<Surveyed, Trouble> {
        let Self {
            settings,
            context,
            runtime,
            stopped,
            ..
        } = self;
        consumer.fetch_metadata(None, HELLO)?;
        topics::ensure(
            consumer,
            context,
            settings,
            runtime,
            &topics::state(settings),
        )?;
        // Before the messages topic is made: where it is new but an epoch is there, it was deleted and offsets start anew.
        let known = epoch::read(consumer, settings, stopped)?;
        let renewed = topics::ensure(
            consumer,
            context,
            settings,
            runtime,
            &topics::messages(settings),
        )?;
        for wanted in [topics::ephemeral(settings), topics::markers(settings)] {
            topics::ensure(consumer, context, settings, runtime, &wanted)?;
        }
        self.producer.warm(ANSWER)?;
        let topic = settings.messages_topic();
        let watermarks = watermarks(consumer, &topic, settings.partitions, ANSWER)?;
        let supersede = || {
            let epoch = epoch::supersede(consumer, context, settings, stopped, known)?;
            if known.is_some() {
                self.metrics.epochs_superseded.inc();
            }
            Ok::<_, Trouble>(epoch)
        };
        let (epoch, start_over) = match (known, saved.epoch) {
            (None, stored) => (
                supersede()?,
                stored.map(|stored| format!("the log has lost its epoch {stored}")),
            ),
            (Some(known), stored) if renewed => (
                supersede()?,
                stored.map(|_| format!("the topic of epoch {known} is gone")),
            ),
            (Some(known), None) => (known, None),
            (Some(known), Some(stored)) if known != stored => (
                known,
                Some(format!(
                    "the store is of epoch {stored}, the log of {known}"
                )),
            ),
            (Some(known), Some(_)) => {
                match checkpoint::check(consumer, &topic, &saved.checkpoints, &watermarks, stopped)?
                {
                    Fit::Fits => (known, None),
                    Fit::Hole(reason) => (known, Some(reason)),
                    Fit::Another(reason) => (supersede()?, Some(reason)),
                }
            }
        };
        Ok(Surveyed {
            epoch,
            start_over,
            watermarks,
        })
    }
}
