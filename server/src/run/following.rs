//! The log, followed for as long as the server runs, and begun anew when it is lost.

use std::sync::Arc;
use std::time::Duration;

use pocket_kafka::Health;
use tokio::sync::watch;

use crate::bridge::{self, Log, LogSettings, Stage, StartError};
use crate::chat::{Chat, ChatSettings, Listeners};
use crate::config::Profile;
use crate::web::{Service, Web};

/// Between the loss of the log and the next start: what was deleted is often about to be made again.
const PAUSE: Duration = Duration::from_secs(1);

/// The log that the server follows.
pub(super) struct Following {
    settings: LogSettings,
    /// How the embedded log stands, where it is that one.
    health: Option<Health>,
    web: Arc<Web>,
    stage: watch::Sender<Stage>,
    log: Option<Log>,
}

impl Following {
    pub(super) fn new(
        settings: LogSettings,
        health: Option<Health>,
        web: Arc<Web>,
        stage: watch::Sender<Stage>,
    ) -> Self {
        Self {
            settings,
            health,
            web,
            stage,
            log: None,
        }
    }

    /// Follows the log until that is not possible any more without a person, and tells why. A log that is lost, because its
    /// topic was deleted, shortened or made anew, is begun again as at the start of the program: then the store that does
    /// not fit is set aside, and clients learn from the new epoch that their positions are void. Can be given up at any time.
    pub(super) async fn run(&mut self) -> StartError {
        loop {
            let mut stage = self.stage.subscribe();
            if let Err(error) = self.begin().await {
                return error;
            }
            let lost = stage.wait_for(|stage| matches!(stage, Stage::Failed(_)));
            // The channel is there as long as this is.
            drop(lost.await);
            drop(stage);
            self.web.metrics.log.lost.inc();
            self.web.stop_serving();
            if let Some(log) = self.log.take() {
                log.give_up().await;
            }
            tokio::time::sleep(PAUSE).await;
            tracing::warn!("the log is begun anew");
        }
    }

    /// Catches up with the log, then lets clients in. Whoever waits for an answer of an earlier log never gets one of this
    /// one: each log has listeners of its own.
    async fn begin(&mut self) -> Result<(), StartError> {
        let metrics = &self.web.metrics;
        let listeners = Arc::new(Listeners::new(metrics.chat.clone()));
        let log = bridge::start(
            self.settings.clone(),
            listeners.clone(),
            listeners.clone(),
            self.stage.clone(),
            metrics.log.clone(),
        );
        let log = log.await?;
        let chat = chat(&self.web, &log, &listeners, self.health.clone());
        self.web.serve(Service::Chat(Arc::new(chat)));
        self.log = Some(log);
        tracing::info!("ready");
        Ok(())
    }

    /// Ends in order.
    pub(super) async fn finish(self) {
        if let Some(log) = self.log {
            log.shutdown().await;
        }
    }
}

/// The chat over a log that has been caught up with.
fn chat(web: &Web, log: &Log, listeners: &Arc<Listeners>, embedded: Option<Health>) -> Chat {
    let (rate_per_second, rate_burst) = match web.config.profile {
        // More than any session can send.
        Profile::Bench => (u32::MAX, u32::MAX),
        Profile::Chat | Profile::Conformance => (web.config.rate_per_second, web.config.rate_burst),
    };
    Chat {
        settings: ChatSettings {
            programs: web.config.programs,
            rate_per_second,
            rate_burst,
        },
        rooms: Arc::clone(&log.rooms),
        listeners: Arc::clone(listeners),
        keys: Arc::clone(&web.keys),
        producer: log.producer.clone(),
        embedded,
    }
}
