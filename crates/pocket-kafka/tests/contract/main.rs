//! What rdkafka may rely on, whichever log is behind it: the shared tests run against pocket-kafka and, when `MARU_TEST_KAFKA` names the bootstrap
//! servers of an Apache Kafka (without authentication), against that too. The others are about pocket-kafka alone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod client;
mod target;

mod shared {
    mod consuming;
    mod producing;
    mod topics;
}

mod pocket {
    mod access;
    mod damage;
    mod failing;
    mod kill;
    mod restart;
}
