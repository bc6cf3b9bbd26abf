//! What the server counts, for whoever keeps it running: typed counters, and their text for Prometheus.
//!
//! # Layout
//!
//! - [`connections`]: who comes in, what goes out, why connections end
//! - [`chat`]: SENDs, recoveries, and what the fold makes of records
//! - [`log`]: Kafka as this server sees it
//! - `counters`: counters that share a name and differ in a label
//!
//! No label holds a room, a person or an address, so the number of series does not grow with use. Every series is there
//! from the start, at nought: what appears only with its first event is missed by whoever looks for a change.

pub mod chat;
pub mod connections;
mod counters;
pub mod log;

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use self::chat::ChatMetrics;
use self::connections::ConnectionMetrics;
pub use self::counters::{Counters, Label, SumAndMax};
use self::log::LogMetrics;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that one server counts. The parts are handles: whoever counts keeps a clone.
pub struct Metrics {
    /// Who comes in, what goes out, why connections end.
    pub connections: ConnectionMetrics,
    /// SENDs, recoveries, records.
    pub chat: ChatMetrics,
    /// Kafka.
    pub log: LogMetrics,
    /// 1 while this server takes clients.
    pub ready: Gauge,
    registry: Registry,
}

impl Metrics {
    /// Counters that stand at nought.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("chat");
        let (connections, chat, log) = (
            ConnectionMetrics::default(),
            ChatMetrics::default(),
            LogMetrics::default(),
        );
        connections.register(&mut registry);
        chat.register(&mut registry);
        log.register(&mut registry);
        let ready = Gauge::default();
        registry.register("ready", "Whether this server takes clients", ready.clone());
        let build =
            prometheus_client::metrics::info::Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which Maru this is", build);
        Self {
            connections,
            chat,
            log,
            ready,
            registry,
        }
    }

    /// All of them in the text form of `OpenMetrics`, which Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_find_every_family_in_their_guide() {
        let guide = include_str!("../../docs/OPERATIONS.md");
        let text = Metrics::new().text();
        let families: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split_once(' '))
            .collect();
        assert!(families.len() > 20, "{text}");
        for (family, kind) in families {
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let name = format!("`{family}{suffix}");
            assert!(
                guide.contains(&format!("{name}`")) || guide.contains(&format!("{name}{{")),
                "{family} is not in docs/OPERATIONS.md"
            );
        }
    }

    #[test]
    fn everything_is_there_before_it_happens_and_the_number_of_series_is_bounded() {
        let metrics = Metrics::new();
        let series = |text: String| text.lines().filter(|line| !line.starts_with('#')).count();
        let before = metrics.text();
        assert!(
            before.contains("chat_refusals_total{code=\"rate-limited\"} 0\n"),
            "{before}"
        );
        let count = series(before);
        assert!(count <= 500, "{count} series");
        metrics.chat.recoveries.add(chat::Recovery::Whole);
        metrics
            .connections
            .refusals
            .add(crate::stomp::Code::RateLimited);
        let after = metrics.text();
        assert!(
            after.contains("chat_refusals_total{code=\"rate-limited\"} 1\n"),
            "{after}"
        );
        assert!(
            after.contains("chat_recoveries_total{result=\"whole\"} 1\n"),
            "{after}"
        );
        assert_eq!(series(after), count);
    }
}
