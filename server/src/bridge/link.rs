//! Whether Kafka answers: one clear line in the log per outage and one when it is over, whatever librdkafka repeats.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::StartError;

/// The connection to the brokers as all clients together see it.
pub(super) struct Link {
    brokers: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    down_since: Option<Instant>,
    /// The latest trouble of any connection.
    trouble: Option<String>,
    /// What a broker said when it did not accept our credentials.
    refusal: Option<String>,
}

impl Link {
    pub(super) fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            state: Mutex::default(),
        }
    }

    /// No broker answers. The first call of an outage is logged, with `reason` where librdkafka has told nothing better.
    pub(super) fn lost(&self, reason: &str) {
        let mut state = self.state();
        if state.down_since.is_some() {
            return;
        }
        state.down_since = Some(Instant::now());
        let reason = state
            .refusal
            .as_deref()
            .or(state.trouble.as_deref())
            .unwrap_or(reason);
        tracing::warn!(
            brokers = self.brokers,
            reason,
            "Kafka does not answer: messages wait, history goes on, and the server goes on trying by itself"
        );
    }

    /// A broker answered.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        if let Some(since) = state.down_since.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(brokers = self.brokers, seconds, "Kafka answers again");
        }
        state.refusal = None;
        state.trouble = None;
    }

    pub(super) fn is_down(&self) -> bool {
        self.state().down_since.is_some()
    }

    /// The error for a start that the brokers' refusal of our credentials has ended.
    pub(super) fn refusal(&self) -> Option<StartError> {
        let reason = self.state().refusal.clone()?;
        Some(StartError::Authentication {
            brokers: self.brokers.clone(),
            reason,
        })
    }

    /// Sorts an error that librdkafka tells outside of any call.
    pub(super) fn event(&self, error: &KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka reports");
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.lost(reason),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.state().refusal = Some(reason.to_owned());
            }
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL
                | RDKafkaErrorCode::OperationTimedOut,
            ) => self.state().trouble = Some(reason.to_owned()),
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The context of clients that produce no messages.
#[derive(Clone)]
pub(super) struct Quiet(pub(super) Arc<Link>);

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.event(&error, reason);
    }
}

impl ConsumerContext for Quiet {}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// What librdkafka itself logs is for those who look for it: it repeats with every attempt.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    tracing::debug!(target: "librdkafka", ?level, facility, "{line}");
}
