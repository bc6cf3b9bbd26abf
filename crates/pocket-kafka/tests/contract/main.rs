//! What rdkafka may rely on, whichever log is behind it.
//!
//! Each shared case runs on pocket-kafka and, when `MARU_TEST_KAFKA` names the bootstrap servers of an Apache Kafka (without authentication), on
//! that too; `KAFKA_NAME` and `KAFKA_PORT` tell `scripts/kafka.sh` which one that is, so that it can be killed. The cases in `pocket` are about
//! what pocket-kafka alone promises. `scripts/contract.sh` writes the table of them all.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod client;
mod raw;
mod target;
mod victim;
mod wire;

mod shared {
    pub(crate) mod consuming;
    pub(crate) mod killing;
    pub(crate) mod producing;
    pub(crate) mod refusing;
    pub(crate) mod retrying;
    pub(crate) mod topics;
}

mod pocket {
    mod access;
    mod damage;
    mod failing;
    mod restart;
    mod salvage;
}

/// The line by which the table knows that a case was not tried.
const NOT_RUN: &str = "not run: MARU_TEST_KAFKA or KAFKA_NAME is not set";

macro_rules! on_both {
    ($($area:ident: $($case:ident)*;)*) => {
        mod pocket_kafka_does {
            $(mod $area {
                $(#[test] fn $case() {
                    crate::shared::$area::$case(&crate::target::Target::pocket_kafka());
                })*
            })*
        }
        mod apache_kafka_does {
            $(mod $area {
                $(#[test] fn $case() {
                    match crate::target::Target::apache_kafka() {
                        Some(target) => crate::shared::$area::$case(&target),
                        None => println!("{}", crate::NOT_RUN),
                    }
                })*
            })*
        }
    };
}

on_both! {
    consuming:
        reading_may_begin_anywhere_also_inside_a_batch
        the_beginning_the_end_and_so_many_before_it_are_found
        a_waiting_fetch_is_woken_by_a_message
        every_partition_tells_its_end_while_another_is_busy
        an_offset_that_does_not_exist_is_an_error_for_the_application
        offsets_are_found_by_time
        small_fetches_get_everything_in_order
    ;
    producing:
        each_partition_keeps_the_order_and_has_offsets_without_gaps
        many_producers_share_a_partition_and_each_keeps_its_order
        key_headers_and_empty_values_survive
        compressed_batches_pass_through
        large_messages_fit_and_too_large_ones_are_refused
        other_acknowledgement_levels_store_too
        an_acknowledgement_tells_the_time_that_readers_see
    ;
    refusing:
        bytes_that_are_not_kafka_close_their_connection_and_harm_nobody
        an_announcement_that_is_not_kept_closes_its_connection
        a_damaged_batch_is_refused
        an_unknown_topic_is_refused_and_not_created
        half_a_request_is_no_request
    ;
    retrying:
        a_repeated_batch_is_answered_again_and_not_stored_again
        a_batch_out_of_sequence_is_refused
        producers_never_share_an_id
    ;
    topics:
        a_topic_is_created_once_and_keeps_its_partitions
        what_is_not_a_topic_is_refused
        an_empty_topic_has_an_end_at_zero
    ;
}

/// Of its own kind: the log is killed, so nothing else may use it.
mod killed_again_and_again {
    use crate::{
        NOT_RUN, shared::killing::nothing_acknowledged_is_lost_doubled_or_reordered, victim::Victim,
    };

    #[test]
    fn pocket_kafka() {
        nothing_acknowledged_is_lost_doubled_or_reordered(Victim::pocket_kafka(), 6);
    }

    #[test]
    fn apache_kafka() {
        match Victim::apache_kafka() {
            // Starting takes seconds, in which the producer piles up what it sends.
            Some((victim, _alone)) => {
                nothing_acknowledged_is_lost_doubled_or_reordered(victim, 2);
            }
            None => println!("{NOT_RUN}"),
        }
    }
}
