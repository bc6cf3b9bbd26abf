//! Kafka, or the embedded log, as this server sees it.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::counters::label;
use super::{Counters, SumAndMax};

label! {
    /// How a start of the log began.
    Start as "result" {
        /// With an empty store.
        Fresh = "fresh",
        /// Where the store had come to.
        Continued = "continued",
        /// The store did not fit the log: it was set aside and is rebuilt.
        Rebuilt = "rebuilt",
    }
}

label! {
    /// Why a producer was replaced.
    ProducerFailure as "reason" {
        /// It gave up one partition's messages although Kafka answers (librdkafka #5430).
        GaveUp = "gave-up",
        /// librdkafka called it dead.
        Fatal = "fatal",
    }
}

label! {
    /// Why a consumer was replaced.
    ConsumerFailure as "reason" {
        /// A partition stood still although there was more (librdkafka #5280).
        StoodStill = "stood-still",
        /// librdkafka called it dead.
        Fatal = "fatal",
    }
}

label! {
    /// How the log failed a message that the producer had taken.
    DeliveryError as "kind" {
        /// Nobody knows whether it is there.
        Unconfirmed = "unconfirmed",
        /// It is not accepted.
        Refused = "refused",
        /// Nobody may write, or there is nothing to write to.
        Unavailable = "unavailable",
    }
}

/// Counted by the bridge. Clones count together.
#[derive(Clone, Default)]
pub struct LogMetrics {
    /// 1 while Kafka answers.
    pub connected: Gauge,
    /// Times that the log was begun to be followed, after a loss of it too.
    pub starts: Counters<Start>,
    /// Epochs that this server superseded.
    pub epochs_superseded: Counter,
    /// Times that the log was lost while the server ran.
    pub lost: Counter,
    /// How long the last catching up took.
    pub catch_up_seconds: Gauge<f64, AtomicU64>,
    /// How many records it had to read.
    pub catch_up_records: Gauge,
    /// Records that are in the log and not folded, by partition, as of the watchdog's last look.
    pub lag: SumAndMax,
    /// Consumers that were replaced.
    pub consumers_renewed: Counters<ConsumerFailure>,
    /// Producers that were replaced.
    pub producers_renewed: Counters<ProducerFailure>,
    /// Messages that the producer had taken and the log did not.
    pub delivery_errors: Counters<DeliveryError>,
    /// Records that are folded and not stored yet.
    pub tail_records: Gauge,
    /// What they take.
    pub tail_bytes: Gauge,
}

impl LogMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Whether Kafka answers";
        registry.register("kafka_connected", help, self.connected.clone());
        let help = "Times that the log was begun to be followed";
        self.starts.register(registry, "kafka_starts", help);
        let help = "Epochs of the log that this server superseded";
        registry.register(
            "kafka_epochs_superseded",
            help,
            self.epochs_superseded.clone(),
        );
        let help = "Times that the log was lost while the server ran";
        registry.register("kafka_log_lost", help, self.lost.clone());
        let help = "How long the last catching up took";
        let seconds = self.catch_up_seconds.clone();
        registry.register_with_unit("kafka_catch_up", help, Unit::Seconds, seconds);
        let help = "How many records the last catching up had to read";
        registry.register(
            "kafka_catch_up_records",
            help,
            self.catch_up_records.clone(),
        );
        let help = "Records in the log that are not folded, by partition";
        self.lag
            .register(registry, "kafka_consumer_lag_messages", help);
        let help = "Consumers that were replaced";
        self.consumers_renewed
            .register(registry, "kafka_consumers_renewed", help);
        let help = "Producers that were replaced";
        self.producers_renewed
            .register(registry, "kafka_producers_renewed", help);
        let help = "Messages that the producer had taken and the log did not";
        self.delivery_errors
            .register(registry, "kafka_delivery_errors", help);
        let help = "Records that are folded and not stored yet";
        registry.register("tail_records", help, self.tail_records.clone());
        let help = "Bytes of the records that are folded and not stored yet";
        registry.register("tail_bytes", help, self.tail_bytes.clone());
    }
}
