//! Who is in the room, who types, and how far everybody has read: what the server says in passing and keeps nowhere.

use protocol::{RoomEvent, Sender};

/// How long somebody types after the server said so, in milliseconds.
const TYPING_MS: u64 = 6_000;
/// How long comings and goings are collected before they are told: a page that is loaded again is neither.
const COLLECT_MS: u64 = 2_000;
/// How long they are told.
const TOLD_MS: u64 = 5_000;

/// Who came and who went in a short time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Who came, in their order.
    pub came: Vec<Sender>,
    /// Who went, in their order.
    pub went: Vec<Sender>,
}

impl Moves {
    fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty()
    }
}

/// The people of the room as the server told of them last.
#[derive(Debug, Default)]
pub struct People {
    present: Vec<Sender>,
    count: usize,
    /// With the time at which it is no longer believed.
    typing: Vec<(Sender, u64)>,
    read: Vec<i64>,
    /// Not told yet.
    gathered: Moves,
    /// Told now.
    moves: Moves,
    /// When the moves are told, or no longer told.
    turn_at: Option<u64>,
    changed: bool,
}

impl People {
    /// Everybody in the order of their names; nobody is named in a room of very many.
    pub fn present(&self) -> &[Sender] {
        &self.present
    }

    /// How many there are; 0 as long as that is not known.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Who types, in the order of their beginning.
    pub fn typing(&self) -> impl Iterator<Item = &Sender> {
        self.typing.iter().map(|(sender, _)| sender)
    }

    /// For every member the offset up to which they have read, ascending.
    pub fn read(&self) -> &[i64] {
        &self.read
    }

    /// Who came and went just now.
    pub fn moves(&self) -> &Moves {
        &self.moves
    }

    /// The server said something. `me` is the viewer's id, whose own typing and moves are no news.
    pub(super) fn take(&mut self, now: u64, event: RoomEvent, me: Option<&str>) {
        let is_other = |sender: &Sender| me != Some(sender.uid.as_str());
        match event {
            RoomEvent::Presence { people, count } => {
                (self.present, self.count) = (people, count);
                self.gathered = Moves::default();
            }
            RoomEvent::Changed {
                joined,
                left,
                count,
            } => {
                // A list that does not name everybody names nobody.
                let is_named = self.present.len() == self.count;
                self.count = count;
                for sender in left {
                    self.present.retain(|other| other.uid != sender.uid);
                    self.typing.retain(|(other, _)| other.uid != sender.uid);
                    if is_other(&sender) {
                        cross(&mut self.gathered.came, &mut self.gathered.went, sender);
                    }
                }
                for sender in joined {
                    if is_named && self.present.iter().all(|other| other.uid != sender.uid) {
                        let place = self.present.partition_point(|one| one.name <= sender.name);
                        self.present.insert(place, sender.clone());
                    }
                    if is_other(&sender) {
                        cross(&mut self.gathered.went, &mut self.gathered.came, sender);
                    }
                }
                if self.moves.is_empty() && !self.gathered.is_empty() {
                    self.turn_at = self.turn_at.or(Some(now + COLLECT_MS));
                }
            }
            RoomEvent::Typing { sender } => {
                if is_other(&sender) {
                    let due = now + TYPING_MS;
                    match self
                        .typing
                        .iter_mut()
                        .find(|(one, _)| one.uid == sender.uid)
                    {
                        Some(known) => known.1 = due,
                        None => self.typing.push((sender, due)),
                    }
                }
            }
            RoomEvent::Read { offsets } => self.read = offsets,
        }
        self.changed = true;
    }

    /// A message of this person arrived: that is what they were typing.
    pub(super) fn spoke(&mut self, uid: &str) {
        let before = self.typing.len();
        self.typing.retain(|(sender, _)| sender.uid != uid);
        self.changed |= self.typing.len() != before;
    }

    /// The connection is gone: nobody is known to type, and who comes and goes meanwhile is not told. The list stays as it
    /// was until the server sends another one.
    pub(super) fn disconnected(&mut self) {
        self.changed |= !self.typing.is_empty() || !self.moves.is_empty();
        self.typing.clear();
        (self.gathered, self.moves, self.turn_at) = Default::default();
    }

    /// Forgets what is over and says whether anything changed since the call before.
    pub(super) fn refresh(&mut self, now: u64) -> bool {
        let before = self.typing.len();
        self.typing.retain(|(_, due)| *due > now);
        self.changed |= self.typing.len() != before;
        if self.turn_at.is_some_and(|turn_at| turn_at <= now) {
            self.moves = std::mem::take(&mut self.gathered);
            self.turn_at = (!self.moves.is_empty()).then_some(now + TOLD_MS);
            self.changed = true;
        }
        std::mem::take(&mut self.changed)
    }

    /// When something is to be forgotten or told.
    pub(super) fn deadline(&self) -> Option<u64> {
        let typing = self.typing.iter().map(|(_, due)| *due);
        typing.chain(self.turn_at).min()
    }
}

/// Somebody moves: takes back the opposite move, or is noted as having made this one.
fn cross(opposite: &mut Vec<Sender>, moves: &mut Vec<Sender>, sender: Sender) {
    let before = opposite.len();
    opposite.retain(|other| other.uid != sender.uid);
    if opposite.len() == before && moves.iter().all(|other| other.uid != sender.uid) {
        moves.push(sender);
    }
}
