//! What an idempotent producer may rely on when it sends again: nothing is doubled, and nothing is stored out of order.

use rdkafka::Message as _;

use crate::{
    client::{create, offsets, read_all, watermarks},
    raw::{Answer, Raw, Sequence},
    target::Target,
};

const OUT_OF_ORDER: i16 = 45;
const INVALID_EPOCH: i16 = 47;
const DUPLICATE: i16 = 46;

fn stored(offset: i64) -> Answer {
    Answer { error: 0, offset }
}

pub(crate) fn a_repeated_batch_is_answered_again_and_not_stored_again(target: &Target) {
    let config = target.config();
    let topic = create(&config, "repeat", 1);
    let mut raw = Raw::connect(target, &topic);
    let producer = raw.new_producer();
    let send = |raw: &mut Raw, first| {
        let sequence = Sequence {
            producer,
            epoch: 0,
            first,
        };
        raw.produce(sequence, 2)
    };
    for batch in 0..5 {
        assert_eq!(send(&mut raw, batch * 2), stored(i64::from(batch) * 2));
    }
    // Each of the last five, over another connection too: that is how a client repeats what was not answered.
    let mut another = Raw::connect(target, &topic);
    for batch in (0..5).rev() {
        for raw in [&mut raw, &mut another] {
            assert_eq!(send(raw, batch * 2), stored(i64::from(batch) * 2));
        }
    }
    assert_eq!(send(&mut another, 10), stored(10));
    // Older than five is not told from a gap by every log, but it is never stored again.
    let old = send(&mut raw, 0);
    assert!([OUT_OF_ORDER, DUPLICATE].contains(&old.error), "{old:?}");
    assert_eq!(send(&mut raw, 12), stored(12));
    let messages = read_all(&config, &topic, 0);
    assert_eq!(offsets(&messages), (0..14).collect::<Vec<_>>());
    let values = messages.iter().map(|message| message.payload().unwrap());
    assert!(values.eq((0..14).map(|number| [&b"0"[..], b"1"][number % 2])));
}

pub(crate) fn a_batch_out_of_sequence_is_refused(target: &Target) {
    let config = target.config();
    let topic = create(&config, "sequence", 1);
    let mut raw = Raw::connect(target, &topic);
    let producer = raw.new_producer();
    let mut send = |epoch, first| {
        let sequence = Sequence {
            producer,
            epoch,
            first,
        };
        raw.produce(sequence, 1)
    };
    assert_eq!(send(0, 0), stored(0));
    assert_eq!(send(0, 2).error, OUT_OF_ORDER, "one is missing");
    assert_eq!(send(0, 1), stored(1));
    assert_eq!(send(1, 2).error, OUT_OF_ORDER, "a new epoch begins at 0");
    assert_eq!(send(1, 0), stored(2));
    assert_eq!(send(0, 2).error, INVALID_EPOCH, "the old epoch has ended");
    assert_eq!(watermarks(&config, &topic, 0), (0, 3));
}

pub(crate) fn producers_never_share_an_id(target: &Target) {
    let config = target.config();
    let topic = create(&config, "ids", 1);
    let mut raw = Raw::connect(target, &topic);
    let mut another = Raw::connect(target, &topic);
    let mut ids: Vec<_> = (0..10)
        .flat_map(|_| [raw.new_producer(), another.new_producer()])
        .collect();
    for producer in &ids {
        let sequence = Sequence {
            producer: *producer,
            epoch: 0,
            first: 0,
        };
        assert_eq!(raw.produce(sequence, 1).error, 0);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    assert_eq!(watermarks(&config, &topic, 0), (0, 20));
}
