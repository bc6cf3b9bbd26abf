//! P1, P5, P10: what was acknowledged is there once, what was refused is not, and nothing is there that nobody sent.

use std::collections::HashMap;

use crate::history::{Content, Event, MessageId, Room, What};
use crate::report::Violation;
use crate::timeline::Timelines;

#[derive(Default)]
struct Answers {
    acked: bool,
    refused: bool,
}

pub(crate) fn check(history: &[Event], timelines: &Timelines, violations: &mut Vec<Violation>) {
    let mut sent: HashMap<MessageId, (Room, Content)> = HashMap::new();
    let mut answers: HashMap<MessageId, Answers> = HashMap::new();
    for event in history {
        match event.what {
            What::Send {
                room,
                message,
                content,
                ..
            } => {
                sent.entry(message).or_insert((room, content));
            }
            What::Acked { message, offset } => {
                let Some(&(room, _)) = sent.get(&message) else {
                    violations.push(Violation::AnsweredUnsent { message });
                    continue;
                };
                let before = answers.entry(message).or_default();
                if before.refused && !before.acked {
                    violations.push(Violation::AckedAndRefused { message });
                }
                before.acked = true;
                violations.extend(match timelines.of(room).of_message(message) {
                    None => Some(Violation::Lost {
                        room,
                        message,
                        offset,
                    }),
                    Some(entry) if entry.offset != offset => Some(Violation::AckedElsewhere {
                        message,
                        acked: offset,
                        offset: entry.offset,
                    }),
                    Some(_) => None,
                });
            }
            What::Refused { message } => {
                let Some(&(room, _)) = sent.get(&message) else {
                    violations.push(Violation::AnsweredUnsent { message });
                    continue;
                };
                let before = answers.entry(message).or_default();
                if before.acked && !before.refused {
                    violations.push(Violation::AckedAndRefused { message });
                } else if let Some(entry) = timelines.of(room).of_message(message) {
                    let offset = entry.offset;
                    violations.push(Violation::RefusedYetStored {
                        room,
                        message,
                        offset,
                    });
                }
                before.refused = true;
            }
            _ => {}
        }
    }
    for (room, timeline) in timelines.iter() {
        for entry in timeline.entries() {
            let (message, offset, found) = (entry.message, entry.offset, entry.content);
            violations.extend(match sent.get(&message) {
                Some(&(to, content)) if to == room => {
                    (content != found).then_some(Violation::Corrupted {
                        room,
                        message,
                        offset,
                        sent: content,
                        found,
                    })
                }
                _ => Some(Violation::Invented {
                    room,
                    message,
                    offset,
                }),
            });
        }
    }
}
