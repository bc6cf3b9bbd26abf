//! `large [EVENTS]`: how long the checker takes for a large history, ten million events if not told otherwise, and how much memory.

use std::collections::VecDeque;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use checker::{
    Client, Connection, Content, Entry, Event, MessageId, NOTHING, Reader, Room, Start, What,
};

const ROOMS: u32 = 20;
const PEOPLE_IN_A_ROOM: u32 = 10;
/// After how many messages of a room somebody there loses the connection and comes back.
const RETURN: usize = 50;
/// After how many messages one was sent twice.
const RETRY: u64 = 20;

/// A history in which nothing is wrong, as three servers and 200 people leave it.
fn history(size: usize) -> Vec<Event> {
    let mut history = Vec::with_capacity(size + 100_000);
    let mut rooms: Vec<Vec<Entry>> = (0..ROOMS).map(|_| Vec::new()).collect();
    let mut connections: Vec<u32> = (0..ROOMS * PEOPLE_IN_A_ROOM).collect();
    let mut next_connection = ROOMS * PEOPLE_IN_A_ROOM;
    let mut acknowledgements: VecDeque<(MessageId, i64)> = VecDeque::new();
    everybody_subscribes(&mut history);
    for number in 0.. {
        if history.len() >= size {
            break;
        }
        let room = u32::try_from(number % u64::from(ROOMS)).unwrap_or_default();
        let entries = &mut rooms[room as usize];
        let turn = entries.len();
        let author = room + ROOMS * (u32::try_from(turn).unwrap_or_default() % PEOPLE_IN_A_ROOM);
        let (message, content) = (MessageId(number), Content(number.wrapping_mul(0x9e37_79b9)));
        let send = What::Send {
            client: Client(author),
            room: Room(room),
            message,
            content,
        };
        if number % RETRY == 0 {
            record(&mut history, send.clone());
        }
        record(&mut history, send);
        let prev = entries.last().map_or(NOTHING, |entry| entry.offset);
        let entry = Entry {
            // Rooms share partitions, so there are offsets between.
            offset: i64::try_from(number).unwrap_or(i64::MAX),
            prev,
            message,
            content,
        };
        entries.push(entry);
        for place in 0..PEOPLE_IN_A_ROOM {
            let client = room + ROOMS * place;
            let connection = &mut connections[client as usize];
            if turn % RETURN == RETURN - 1 && place as usize == turn / RETURN % 10 {
                let what = What::Closed {
                    client: Client(client),
                    connection: Connection(*connection),
                };
                record(&mut history, what);
                *connection = next_connection;
                next_connection += 1;
                let what = What::Subscribed {
                    client: Client(client),
                    connection: Connection(*connection),
                    room: Room(room),
                    start: Start::Recovered(prev),
                };
                record(&mut history, what);
            }
            let what = What::Delivered {
                client: Client(client),
                connection: Connection(*connection),
                room: Room(room),
                entry,
            };
            record(&mut history, what);
        }
        acknowledgements.push_back((message, entry.offset));
        if acknowledgements.len() > 100
            && let Some((message, offset)) = acknowledgements.pop_front()
        {
            record(&mut history, What::Acked { message, offset });
        }
    }
    everything_is_read(&mut history, rooms);
    history
}

fn record(history: &mut Vec<Event>, what: What) {
    let at = 1_000 * u64::try_from(history.len()).unwrap_or(u64::MAX);
    history.push(Event { at, what });
}

fn everybody_subscribes(history: &mut Vec<Event>) {
    for client in 0..ROOMS * PEOPLE_IN_A_ROOM {
        let what = What::Subscribed {
            client: Client(client),
            connection: Connection(client),
            room: Room(client % ROOMS),
            start: Start::Live(NOTHING),
        };
        record(history, what);
    }
}

fn everything_is_read(history: &mut Vec<Event>, rooms: Vec<Vec<Entry>>) {
    record(history, What::Quiet);
    for (entries, room) in rooms.into_iter().zip(0..) {
        for reader in [Reader(1), Reader(2)] {
            let entries = entries.clone();
            let room = Room(room);
            let what = What::Final {
                reader,
                room,
                entries,
            };
            record(history, what);
        }
    }
}

/// The most memory that this program has had so far, in bytes; nothing where the system does not tell.
fn most_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn main() -> ExitCode {
    let size = std::env::args()
        .nth(1)
        .map_or(Ok(10_000_000), |text| text.parse());
    let mut out = std::io::stdout();
    let Ok(size) = size else {
        let _ = writeln!(out, "give the number of events");
        return ExitCode::from(2);
    };
    let history = history(size);
    let before = most_memory();
    let began = Instant::now();
    let report = checker::check(&history);
    let took = began.elapsed();
    let events = history.len();
    let _ = writeln!(out, "{report}");
    let _ = writeln!(
        out,
        "{events} events of {} bytes checked in {:.2} s",
        size_of::<Event>(),
        took.as_secs_f64()
    );
    if let (Some(before), Some(after)) = (before, most_memory()) {
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let each = (after - before) / events as f64;
        let _ = writeln!(
            out,
            "{:.0} MB for the history, {each:.1} bytes an event for the check",
            before / 1e6
        );
    }
    ExitCode::from(u8::from(!report.is_clean()))
}
