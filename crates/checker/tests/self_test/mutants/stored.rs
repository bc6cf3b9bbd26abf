//! What the final readers and pages see, broken.

use checker::{Content, Entry, Event, NOTHING, Reader, Violation, What};

use super::{acked, pick, readings, room_of, some_room};
use crate::runs::Random;

pub(super) fn lose_acked(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (_, (message, offset)) = pick(history, random, acked)?;
    let room = room_of(history, message)?;
    for entries in readings(history, room) {
        let index = entries.iter().position(|entry| entry.message == message)?;
        let lost = entries.remove(index);
        if let Some(next) = entries.get_mut(index) {
            next.prev = lost.prev;
        }
    }
    Some(Violation::Lost {
        room,
        message,
        offset,
    })
}

pub(super) fn reader_misses(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, entries) = some_room(history, random)?;
    let index = random.below(entries.len());
    readings(history, room).nth(1)?.remove(index);
    Some(Violation::ReadersDiffer {
        room,
        one: Reader(1),
        other: Reader(2),
        from: entries[index].offset,
    })
}

pub(super) fn one_reader(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, _) = some_room(history, random)?;
    let other = Reader(2);
    history.retain(|event| !matches!(&event.what, What::Final { room: r, reader, .. } if (*r, *reader) == (room, other)));
    Some(Violation::NotRead { room })
}

pub(super) fn store_twice(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, entries) = some_room(history, random)?;
    let copied = entries[random.below(entries.len())];
    let last = entries.last()?.offset;
    let copy = Entry {
        offset: last + 1,
        prev: last,
        ..copied
    };
    readings(history, room).for_each(|entries| entries.push(copy));
    Some(Violation::Doubled {
        room,
        message: copied.message,
        first: copied.offset,
        second: copy.offset,
    })
}

pub(super) fn change_places(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (_, (message, offset)) = pick(history, random, acked)?;
    let room = room_of(history, message)?;
    let mut now = NOTHING;
    for entries in readings(history, room) {
        let index = entries.iter().position(|entry| entry.message == message)?;
        let other = if index == 0 { 1 } else { index - 1 };
        let (one, two) = (entries[index], *entries.get(other)?);
        (entries[index].message, entries[index].content) = (two.message, two.content);
        (entries[other].message, entries[other].content) = (one.message, one.content);
        now = two.offset;
    }
    Some(Violation::AckedElsewhere {
        message,
        acked: offset,
        offset: now,
    })
}

pub(super) fn go_back(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, entries) = some_room(history, random)?;
    let index = 1 + random.below(entries.len() - 1);
    for entries in readings(history, room) {
        entries.swap(index - 1, index);
    }
    let (before, offset) = (entries[index].offset, entries[index - 1].offset);
    Some(Violation::Unordered {
        room,
        before,
        offset,
    })
}

pub(super) fn break_chain(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, entries) = some_room(history, random)?;
    let index = random.below(entries.len());
    let Entry {
        offset,
        prev: before,
        ..
    } = entries[index];
    let prev = before - 1;
    readings(history, room).for_each(|entries| entries[index].prev = prev);
    Some(Violation::ChainBroken {
        room,
        offset,
        prev,
        before,
    })
}

pub(super) fn damage_stored(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, entries) = some_room(history, random)?;
    let index = random.below(entries.len());
    let Entry {
        offset,
        message,
        content: sent,
        ..
    } = entries[index];
    let found = Content(sent.0 ^ 1);
    readings(history, room).for_each(|entries| entries[index].content = found);
    Some(Violation::Corrupted {
        room,
        message,
        offset,
        sent,
        found,
    })
}

pub(super) fn invent(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (room, entries) = some_room(history, random)?;
    let Entry {
        offset, message, ..
    } = entries[random.below(entries.len())];
    history.retain(|event| !matches!(event.what, What::Send { message: m, .. } if m == message));
    Some(Violation::Invented {
        room,
        message,
        offset,
    })
}

pub(super) fn page_hole(history: &mut Vec<Event>, random: &mut Random) -> Option<Violation> {
    let (index, (reader, room, mut entries)) = pick(history, random, |what| match what {
        What::Page {
            reader,
            room,
            entries,
        } if entries.len() >= 3 => Some((*reader, *room, entries.clone())),
        _ => None,
    })?;
    let hole = 1 + random.below(entries.len() - 2);
    entries.remove(hole);
    let from = entries[hole].offset;
    history[index].what = What::Page {
        reader,
        room,
        entries,
    };
    Some(Violation::PageWrong { reader, room, from })
}
