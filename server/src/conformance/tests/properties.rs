//! What holds whatever clients do: nothing is lost, nothing comes twice without saying so, nothing stays behind.

use std::collections::{BTreeSet, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const A: &str = "/queue/a";

/// Something that a client of several does. All of them subscribe to one queue as `s`.
#[derive(Clone, Debug)]
enum Act {
    Send,
    Subscribe(bool),
    Unsubscribe,
    /// Asks for so many messages, or fills and reads the outbox.
    Take(usize),
    /// Settles the so-manieth of what it holds.
    Settle(usize, bool),
    /// Loses the connection and comes back without subscriptions.
    Lose,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => Just(Act::Send),
        3 => any::<bool>().prop_map(Act::Subscribe),
        1 => Just(Act::Unsubscribe),
        6 => (0..4_usize).prop_map(Act::Take),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, ack)| Act::Settle(which, ack)),
        1 => Just(Act::Lose),
    ]
}

/// A client with what it is thought to be.
struct Known {
    client: Client,
    mode: Option<AckMode>,
    held: Vec<(Tag, usize)>,
}

impl Known {
    fn new(broker: &Arc<Broker>) -> Self {
        Self {
            client: Client::new(broker),
            mode: None,
            held: Vec::new(),
        }
    }

    /// Takes messages; gives the numbers of those that need no settling.
    fn take(&mut self, limit: usize, seen: &mut HashMap<usize, usize>) -> Vec<usize> {
        let mut learn = |frame: &Frame| {
            let number: usize = text(frame).trim_start_matches('*').parse().unwrap();
            let times = seen.entry(number).or_default();
            assert_eq!(*times > 0, text(frame).starts_with('*'), "{number}");
            *times += 1;
            number
        };
        match self.mode {
            None => Vec::new(),
            Some(AckMode::Auto) => {
                self.client.catch_up();
                self.client.frames().iter().map(learn).collect()
            }
            Some(_) => {
                for pulled in self.client.pull("s", limit) {
                    self.held.push((pulled.tag, learn(&pulled.message)));
                }
                Vec::new()
            }
        }
    }
}

proptest! {
    #[test]
    fn every_message_is_consumed_once(acts in vec((0..3_usize, act()), 0..200)) {
        let broker = broker();
        let mut clients: Vec<_> = (0..3).map(|_| Known::new(&broker)).collect();
        let (mut sent, mut seen, mut consumed) = (0, HashMap::new(), Vec::new());
        for (who, act) in acts {
            let known = &mut clients[who];
            match act {
                Act::Send => {
                    known.client.send(A, &sent.to_string());
                    sent += 1;
                }
                Act::Subscribe(auto) if known.mode.is_none() => {
                    let mode = if auto { AckMode::Auto } else { AckMode::ClientIndividual };
                    known.client.subscribe("s", A, mode);
                    known.mode = Some(mode);
                }
                Act::Subscribe(_) => {}
                Act::Unsubscribe => {
                    consumed.extend(known.take(0, &mut seen));
                    known.client.unsubscribe("s");
                    known.mode = None;
                    known.held.clear();
                }
                Act::Take(limit) => consumed.extend(known.take(limit, &mut seen)),
                Act::Settle(_, _) if known.held.is_empty() => {}
                Act::Settle(which, ack) => {
                    let (tag, number) = known.held.remove(which % known.held.len());
                    let verdict = if ack { Verdict::Ack } else { Verdict::Nack };
                    known.client.settle("s", tag, verdict);
                    if ack {
                        consumed.push(number);
                    }
                }
                Act::Lose => {
                    consumed.extend(known.take(0, &mut seen));
                    *known = Known::new(&broker);
                }
            }
        }
        // What lies in an outbox in mode auto is consumed; the rest goes to one who comes when all have left. Those who
        // take nothing more give their share to others first.
        for _ in 0..2 {
            for known in &mut clients {
                consumed.extend(known.take(0, &mut seen));
            }
        }
        clients.sort_by_key(|known| known.mode != Some(AckMode::Auto));
        drop(clients);
        let mut last = Known::new(&broker);
        last.client.subscribe("s", A, AckMode::Auto);
        last.mode = Some(AckMode::Auto);
        let rest = last.take(0, &mut seen);
        prop_assert!(rest.is_sorted(), "{rest:?}");
        consumed.extend(rest);
        let all: BTreeSet<_> = consumed.iter().copied().collect();
        prop_assert_eq!(all.len(), consumed.len(), "one was consumed twice");
        prop_assert_eq!(all.len(), sent, "one was lost");
        drop(last);
        prop_assert_eq!(broker.usage(), (0, 0));
    }
}
