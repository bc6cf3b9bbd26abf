//! Whether Kafka answers: one clear line in the log per outage and one when it is over, whatever librdkafka repeats.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::StartError;

/// How long an outage lasts before it is one: reconnecting after a broker's restart is none.
const SUSPICION: Duration = Duration::from_secs(2);

/// The connection to the brokers as all clients together see it.
pub(super) struct Link {
    brokers: String,
    /// Whether a broker has ever answered: otherwise the settings may be wrong.
    reached: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since when no broker may be there.
    suspected: Option<Instant>,
    /// Whether that has been told.
    told: bool,
    /// The latest trouble of any connection.
    trouble: Option<String>,
    /// Why a broker and this server do not let each other in.
    refusal: Option<Refusal>,
}

/// What only a person can change, and what librdkafka says about it.
#[derive(Clone, Debug)]
enum Refusal {
    /// The broker does not accept our credentials.
    Credentials(String),
    /// TLS fails, mostly because we do not trust the broker's certificate.
    Certificate(String),
}

impl Link {
    pub(super) fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            reached: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Nothing may be reachable; `reason` is kept where librdkafka has told nothing better.
    pub(super) fn lost(&self, reason: &str) {
        let mut state = self.state();
        state.suspected.get_or_insert_with(Instant::now);
        state.trouble.get_or_insert_with(|| reason.to_owned());
    }

    /// Tells of an outage once it has lasted.
    pub(super) fn tick(&self) {
        let mut state = self.state();
        if state.told
            || state
                .suspected
                .is_none_or(|since| since.elapsed() < SUSPICION)
        {
            return;
        }
        state.told = true;
        let refusal = state.refusal.clone();
        let reason = refusal
            .map(|refusal| self.sentence(refusal).to_string())
            .or_else(|| state.trouble.clone());
        let brokers = &self.brokers;
        if self.reached.load(Ordering::Relaxed) {
            tracing::warn!(
                brokers,
                reason,
                "Kafka does not answer: messages wait, history goes on, and the server keeps trying by itself"
            );
        } else {
            tracing::warn!(
                brokers,
                reason,
                "Kafka cannot be reached: the server keeps trying by itself; if this lasts, check the brokers' addresses, \
                 and whether they want another security.protocol"
            );
        }
    }

    /// A broker answered.
    pub(super) fn answered(&self) {
        self.reached.store(true, Ordering::Relaxed);
        let state = std::mem::take(&mut *self.state());
        if state.told {
            let seconds = state.suspected.map_or(0, |since| since.elapsed().as_secs());
            tracing::info!(brokers = self.brokers, seconds, "Kafka answers again");
        }
    }

    pub(super) fn is_suspected(&self) -> bool {
        self.state().suspected.is_some()
    }

    pub(super) fn is_down(&self) -> bool {
        self.state().told
    }

    /// The error for a start that only a person can bring further.
    pub(super) fn refusal(&self) -> Option<StartError> {
        let refusal = self.state().refusal.clone()?;
        Some(self.sentence(refusal))
    }

    fn sentence(&self, refusal: Refusal) -> StartError {
        let brokers = self.brokers.clone();
        match refusal {
            Refusal::Credentials(reason) => StartError::Authentication { brokers, reason },
            Refusal::Certificate(reason) => StartError::Certificate { brokers, reason },
        }
    }

    /// Sorts an error that librdkafka tells outside of any call.
    pub(super) fn event(&self, error: &KafkaError, reason: &str) {
        if matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::PartitionEOF)
        ) {
            return;
        }
        tracing::debug!(%error, reason, "librdkafka reports");
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.lost(reason),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.state().refusal = Some(Refusal::Credentials(reason.to_owned()));
            }
            // A connection that is cut in the middle of the handshake is a BrokerTransportFailure, so this will not pass.
            Some(RDKafkaErrorCode::SSL) => {
                self.state().refusal = Some(Refusal::Certificate(reason.to_owned()));
            }
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut,
            ) => self.state().trouble = Some(reason.to_owned()),
            _ => {}
        }
    }

    /// What librdkafka itself logs is for those who look for it: it repeats with every attempt. Why a broker hung up,
    /// however, it says nowhere else: mostly because of a wrong `security.protocol`.
    pub(super) fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(target: "librdkafka", ?level, facility, "{line}");
        if facility == "FAIL" {
            // After the thread's name.
            let reason = line.split_once("]: ").map_or(line, |(_, reason)| reason);
            self.state().trouble = Some(reason.to_owned());
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
        self.0.log(level, facility, line);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_loss_is_no_outage() {
        let link = Link::new("kafka:9092");
        link.lost("a broker restarts");
        link.tick();
        assert!(link.is_suspected() && !link.is_down());
        link.answered();
        assert!(!link.is_suspected());
        link.state().suspected = Instant::now().checked_sub(SUSPICION);
        link.tick();
        assert!(link.is_down());
        link.answered();
        assert!(!link.is_down());
    }

    #[test]
    fn the_best_reason_for_an_outage_is_kept() {
        let link = Link::new("kafka:9092");
        let failure = "[thrd:kafka:9092/1]: kafka:9092/1: Disconnected";
        link.log(RDKafkaLogLevel::Info, "FAIL", failure);
        link.log(RDKafkaLogLevel::Info, "OTHER", "nothing to do with it");
        link.event(
            &KafkaError::Global(RDKafkaErrorCode::AllBrokersDown),
            "1/1 brokers are down",
        );
        assert_eq!(
            link.state().trouble.as_deref(),
            Some("kafka:9092/1: Disconnected")
        );
    }

    #[test]
    fn only_what_a_person_has_to_change_ends_the_start() {
        let link = Link::new("kafka:9092");
        link.event(
            &KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure),
            "connection refused",
        );
        link.event(
            &KafkaError::Global(RDKafkaErrorCode::AllBrokersDown),
            "1/1 brokers are down",
        );
        assert!(link.is_suspected() && link.refusal().is_none());
        link.event(
            &KafkaError::Global(RDKafkaErrorCode::Authentication),
            "invalid password",
        );
        assert!(
            matches!(link.refusal(), Some(StartError::Authentication { reason, .. }) if reason == "invalid password")
        );
        link.event(
            &KafkaError::Global(RDKafkaErrorCode::SSL),
            "certificate verify failed",
        );
        assert!(
            matches!(link.refusal(), Some(StartError::Certificate { reason, .. }) if reason == "certificate verify failed")
        );
    }
}
