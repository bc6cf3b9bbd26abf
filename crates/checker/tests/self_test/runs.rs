//! Histories of a system that keeps its promises while much goes wrong.

use std::collections::HashMap;

use checker::{
    Client, Connection, Content, Entry, Event, MessageId, NOTHING, Offset, Reader, Room, Start,
    What,
};

const ROOMS: u32 = 3;
const CLIENTS: u32 = 5;
const STEPS: usize = 400;

/// Splitmix64: the same numbers from the same seed, for ever.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

struct Person {
    client: Client,
    connection: Option<Connection>,
    /// Subscribed rooms, and the last offset that was delivered.
    follows: HashMap<Room, Offset>,
    /// What the person had in rooms when the connection broke.
    had: HashMap<Room, Offset>,
    /// A message that was not answered, and whether it was stored.
    open: Option<(Room, MessageId, Option<Offset>)>,
}

struct Run {
    random: Random,
    history: Vec<Event>,
    rooms: HashMap<Room, Vec<Entry>>,
    next_offset: Offset,
    next_message: u64,
    next_connection: u32,
}

/// A run with lost answers, retries, lost connections, recoveries, refusals and repeats that the fold has hidden.
pub(crate) fn run(seed: u64) -> Vec<Event> {
    let mut run = Run {
        random: Random::new(seed),
        history: Vec::new(),
        rooms: (0..ROOMS).map(|room| (Room(room), Vec::new())).collect(),
        next_offset: 0,
        next_message: 0,
        next_connection: 0,
    };
    let mut people: Vec<Person> = (0..CLIENTS)
        .map(|client| Person {
            client: Client(client),
            connection: None,
            follows: HashMap::new(),
            had: HashMap::new(),
            open: None,
        })
        .collect();
    for _ in 0..STEPS {
        let person = run.random.below(people.len());
        run.step(&mut people[person]);
    }
    for person in &mut people {
        run.come_back(person);
        run.finish_sending(person);
    }
    for person in &mut people {
        run.deliver(person, usize::MAX);
    }
    run.record(What::Quiet);
    let everything: Vec<(Room, Vec<Entry>)> = run.rooms.clone().into_iter().collect();
    for (room, entries) in everything {
        for reader in [Reader(1), Reader(2)] {
            let entries = entries.clone();
            run.record(What::Final {
                reader,
                room,
                entries,
            });
        }
    }
    run.history
}

impl Run {
    fn record(&mut self, what: What) {
        let at = 10 * u64::try_from(self.history.len()).unwrap();
        self.history.push(Event { at, what });
    }

    fn step(&mut self, person: &mut Person) {
        self.come_back(person);
        match self.random.below(10) {
            0 => self.lose_connection(person),
            1 => self.read_page(),
            2..=5 => self.send(person),
            _ => {
                let count = self.random.below(6);
                self.deliver(person, count);
            }
        }
        if self.random.one_in(50) {
            let name = "a server was killed".to_owned();
            self.record(What::Fault { name });
        }
    }

    fn come_back(&mut self, person: &mut Person) {
        if person.connection.is_some() {
            return;
        }
        let (client, connection) = (person.client, Connection(self.next_connection));
        self.next_connection += 1;
        person.connection = Some(connection);
        for room in (0..ROOMS).map(Room) {
            let end = self.end(room);
            let start = match person.had.get(&room) {
                Some(_) if self.random.one_in(10) => Start::NotRecovered(end),
                Some(&had) => Start::Recovered(had),
                None => Start::Live(end),
            };
            let (Start::Live(from) | Start::Recovered(from) | Start::NotRecovered(from)) = start;
            person.follows.insert(room, from);
            self.record(What::Subscribed {
                client,
                connection,
                room,
                start,
            });
        }
    }

    fn lose_connection(&mut self, person: &mut Person) {
        if let Some(connection) = person.connection.take() {
            let client = person.client;
            self.record(What::Closed { client, connection });
            person.had.extend(person.follows.drain());
        }
    }

    fn end(&self, room: Room) -> Offset {
        self.rooms[&room]
            .last()
            .map_or(NOTHING, |entry| entry.offset)
    }

    fn append(&mut self, room: Room, message: MessageId) -> Offset {
        // Other rooms, and repeats that are not shown, take offsets too.
        self.next_offset += 1 + Offset::from(self.random.one_in(8));
        let entry = Entry {
            offset: self.next_offset,
            prev: self.end(room),
            message,
            content: content(message),
        };
        self.rooms.get_mut(&room).unwrap().push(entry);
        entry.offset
    }

    fn send(&mut self, person: &mut Person) {
        if person.open.is_some() {
            return self.finish_sending(person);
        }
        let room = Room(u32::try_from(self.random.below(ROOMS as usize)).unwrap());
        let message = MessageId(self.next_message);
        self.next_message += 1;
        self.attempt(person.client, room, message);
        match self.random.below(8) {
            0 => self.record(What::Refused { message }),
            1 => person.open = Some((room, message, None)),
            2 => person.open = Some((room, message, Some(self.append(room, message)))),
            _ => {
                let offset = self.append(room, message);
                self.record(What::Acked { message, offset });
            }
        }
    }

    /// Sends a message again that was not answered, or gives it up.
    fn finish_sending(&mut self, person: &mut Person) {
        let Some((room, message, stored)) = person.open.take() else {
            return;
        };
        if self.random.one_in(4) {
            return;
        }
        self.attempt(person.client, room, message);
        let offset = stored.unwrap_or_else(|| self.append(room, message));
        self.record(What::Acked { message, offset });
    }

    fn attempt(&mut self, client: Client, room: Room, message: MessageId) {
        let content = content(message);
        self.record(What::Send {
            client,
            room,
            message,
            content,
        });
    }

    fn deliver(&mut self, person: &mut Person, most: usize) {
        let (client, connection) = (person.client, person.connection.unwrap());
        for room in (0..ROOMS).map(Room) {
            let last = person.follows[&room];
            let entries = self.rooms[&room].iter().filter(|entry| entry.offset > last);
            for entry in entries.take(most).copied().collect::<Vec<_>>() {
                self.record(What::Delivered {
                    client,
                    connection,
                    room,
                    entry,
                });
                person.follows.insert(room, entry.offset);
            }
        }
    }

    fn read_page(&mut self) {
        let room = Room(u32::try_from(self.random.below(ROOMS as usize)).unwrap());
        let length = self.rooms[&room].len();
        let begin = self.random.below(length + 1);
        let entries = self.rooms[&room][begin..]
            .iter()
            .take(10)
            .copied()
            .collect();
        self.record(What::Page {
            reader: Reader(0),
            room,
            entries,
        });
    }
}

/// What a message says.
pub(crate) fn content(message: MessageId) -> Content {
    Content(message.0.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
