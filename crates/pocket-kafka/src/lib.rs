//! An embedded, durable, single-node log that speaks the part of Kafka's wire protocol that librdkafka needs, over SQLite.
