//! Where each partition begins and ends, asked for all at once: a question for each of 64 partitions takes a slow or far away
//! Kafka so long that a start may never come to its end.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::trouble::Trouble;

/// The first offset of each partition, and the one after its last. Every broker is asked twice, and has so long for each answer.
pub(super) fn watermarks<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: i32,
    answer: Duration,
) -> Result<Vec<(i64, i64)>, Trouble> {
    let ask = |symbol| {
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            // In place of a time, the symbol: that is how the protocol asks for it.
            list.add_partition_offset(topic, partition, symbol)?;
        }
        let found = consumer.offsets_for_times(list, answer)?;
        (0..partitions)
            .map(|partition| {
                let untold = || {
                    Trouble::Later(format!(
                        "partition {partition} of the topic {topic} was not told of"
                    ))
                };
                let found = found.find_partition(topic, partition).ok_or_else(untold)?;
                found.error()?;
                match found.offset() {
                    Offset::Offset(offset) => Ok(offset),
                    _ => Err(untold()),
                }
            })
            .collect::<Result<Vec<i64>, Trouble>>()
    };
    let low = ask(Offset::Beginning)?;
    Ok(low.into_iter().zip(ask(Offset::End)?).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Instant;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    use rdkafka::{ClientConfig, ClientContext, Statistics};

    use super::*;

    const BROKERS: i32 = 3;
    const PARTITIONS: i32 = 64;
    /// Generous: the machine may be busy.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// How often brokers were asked for offsets, as librdkafka's statistics tell.
    #[derive(Clone, Default)]
    struct Questions(Arc<AtomicI64>);

    impl ClientContext for Questions {
        fn stats(&self, statistics: Statistics) {
            let asked = |broker: &rdkafka::statistics::Broker| {
                broker.req.get("ListOffsets").copied().unwrap_or_default()
            };
            let all = statistics.brokers.values().map(asked).sum();
            self.0.store(all, Ordering::Relaxed);
        }
    }

    impl ConsumerContext for Questions {}

    #[test]
    fn every_broker_is_asked_twice_however_many_partitions_there_are() {
        let cluster = MockCluster::new(BROKERS).unwrap();
        cluster.create_topic("messages", PARTITIONS, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .create()
            .unwrap();
        for _ in 0..3 {
            let record = BaseRecord::<(), _>::to("messages")
                .partition(5)
                .payload("hello");
            producer.send(record).unwrap();
        }
        producer.flush(PATIENCE).unwrap();

        let questions = Questions::default();
        let consumer: BaseConsumer<Questions> = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("group.id", "test")
            .set("statistics.interval.ms", "100")
            .create_with_context(questions.clone())
            .unwrap();
        let Ok(found) = watermarks(&consumer, "messages", PARTITIONS, PATIENCE) else {
            panic!("the mock cluster does not answer");
        };
        let expected: Vec<_> = (0..PARTITIONS)
            .map(|partition| (0, if partition == 5 { 3 } else { 0 }))
            .collect();
        assert_eq!(found, expected);

        let deadline = Instant::now() + PATIENCE;
        while questions.0.load(Ordering::Relaxed) == 0 && Instant::now() < deadline {
            consumer.poll(Duration::from_millis(10));
        }
        let asked = questions.0.load(Ordering::Relaxed);
        let most = 2 * i64::from(BROKERS);
        assert!((1..=most).contains(&asked), "{asked} questions");
    }
}
