//! What is said in passing: who is there, who types, how far people have read, and how all rooms stand.

use protocol::{Message, RoomEvent, RoomUpdate, RoomsUpdate, Sender, header};
use stomp::{Command, Frame};

use crate::chat::testing::{EPOCH, Harness, ME, message};
use crate::chat::{Event, Moves};

fn person(uid: &str, name: &str) -> Sender {
    Sender {
        uid: uid.to_owned(),
        name: name.to_owned(),
    }
}

fn passing(subscription: &'static str, body: Vec<u8>) -> Frame {
    Frame::new(Command::Message)
        .with("subscription", subscription)
        .with("message-id", "1")
        .with("content-type", "application/json")
        .with_body(body)
}

impl Harness {
    fn hears_of(&mut self, event: &RoomEvent) {
        self.receive(&passing("events", serde_json::to_vec(event).unwrap()));
    }

    fn hears_of_rooms(&mut self, rooms: Vec<RoomUpdate>) {
        let update = RoomsUpdate { rooms };
        self.receive(&passing("rooms", serde_json::to_vec(&update).unwrap()));
    }

    fn joined(&mut self, joined: &[Sender], left: &[Sender], count: usize) {
        self.hears_of(&RoomEvent::Changed {
            joined: joined.to_vec(),
            left: left.to_vec(),
            count,
        });
    }

    fn names(&self) -> Vec<&str> {
        let present = self.engine.people().present().iter();
        present.map(|sender| sender.name.as_str()).collect()
    }

    fn typists(&self) -> Vec<&str> {
        let typing = self.engine.people().typing();
        typing.map(|sender| sender.name.as_str()).collect()
    }

    /// What was sent to the room's last word since the last look: the value of `ref`, or nothing.
    fn said(&mut self, action: &str) -> Vec<String> {
        let destination = format!("/app/rooms.general.{action}");
        let sent = self.sent.drain(..);
        sent.filter(|frame| {
            frame
                .header("destination")
                .is_some_and(|to| **to == *destination)
        })
        .map(|frame| {
            assert_eq!(frame.command, Command::Send);
            frame
                .header(header::REF)
                .map(ToString::to_string)
                .unwrap_or_default()
        })
        .collect()
    }

    fn sees(&mut self, offset: i64) {
        let position = message(offset, None, "이웃", "a").position;
        self.event(Event::Seen { position });
    }
}

#[test]
fn every_connection_listens_to_people_and_rooms() {
    let mut page = Harness::new();
    page.event(Event::Start);
    for _ in 0..2 {
        page.open();
        let destinations: Vec<_> = page
            .sent
            .iter()
            .filter_map(|frame| frame.header("destination").map(ToString::to_string))
            .collect();
        assert_eq!(
            destinations,
            [
                "/user/queue/replies",
                "/topic/rooms.general.events",
                "/user/queue/rooms",
                "/topic/rooms.general"
            ]
        );
        page.subscribed(true);
        page.sent.clear();
        page.closed();
        page.pass(2_000);
    }
}

#[test]
fn people_come_and_go_in_the_order_of_their_names() {
    let mut page = Harness::live();
    assert_eq!(page.engine.people().count(), 0, "not known yet");
    page.hears_of(&RoomEvent::Presence {
        people: vec![person("b", "민준"), person("c", "지우")],
        count: 2,
    });
    assert!(page.changes.last().unwrap().people);
    page.joined(&[person("d", "나연"), person("b", "민준")], &[], 3);
    assert_eq!(page.names(), ["나연", "민준", "지우"], "nobody twice");
    page.joined(&[], &[person("c", "지우")], 2);
    assert_eq!(page.names(), ["나연", "민준"]);
    page.closed();
    assert_eq!(page.names().len(), 2, "a lost connection sends nobody away");
}

#[test]
fn a_room_of_very_many_has_a_number_and_no_names() {
    let mut page = Harness::live();
    page.hears_of(&RoomEvent::Presence {
        people: vec![],
        count: 500,
    });
    page.joined(&[person("d", "나연")], &[], 501);
    assert_eq!(
        (page.engine.people().count(), page.names().len()),
        (501, 0),
        "one name of 501 would be a wrong list"
    );
}

#[test]
fn comings_and_goings_are_told_together_and_only_for_a_while() {
    let mut page = Harness::live();
    let told = |page: &Harness| page.engine.people().moves().clone();
    page.hears_of(&RoomEvent::Presence {
        people: vec![person("b", "민준"), person("c", "지우")],
        count: 2,
    });
    page.joined(&[person("d", "나연"), person(ME, "나")], &[], 4);
    page.joined(&[person("e", "현서")], &[person("b", "민준")], 4);
    // Somebody loads the page again.
    page.joined(&[], &[person("c", "지우")], 3);
    page.joined(&[person("c", "지우")], &[], 4);
    page.pass(1_999);
    assert_eq!(told(&page), Moves::default());
    page.pass(1);
    assert_eq!(
        told(&page),
        Moves {
            came: vec![person("d", "나연"), person("e", "현서")],
            went: vec![person("b", "민준")],
        },
        "without the viewer, and without whoever was gone for a moment"
    );
    page.pass(5_000);
    assert_eq!(told(&page), Moves::default());

    // The server that is connected to next tells who is there, and nobody has moved.
    page.joined(&[], &[person("e", "현서")], 3);
    page.closed();
    page.pass(10_000);
    assert_eq!(told(&page), Moves::default());
}

#[test]
fn typing_ends_with_the_message_or_after_six_seconds() {
    let mut page = Harness::live();
    let typing = |uid: &str, name: &str| RoomEvent::Typing {
        sender: person(uid, name),
    };
    page.hears_of(&typing("이웃", "지우"));
    page.hears_of(&typing(ME, "나"));
    assert_eq!(page.typists(), ["지우"], "one's own typing is no news");
    page.pass(4_000);
    page.hears_of(&typing("c", "민준"));
    page.hears_of(&typing("이웃", "지우"));
    assert_eq!(page.typists(), ["지우", "민준"]);
    page.pass(5_999);
    assert_eq!(page.typists().len(), 2);
    page.changes.clear();
    page.hear(&message(17, Some(15), "이웃", "a"));
    assert_eq!(page.typists(), ["민준"]);
    assert!(page.changes[0].people);
    page.pass(1);
    assert!(page.typists().is_empty());

    page.hears_of(&typing("c", "민준"));
    page.closed();
    assert!(page.typists().is_empty(), "nobody knows who types now");
}

#[test]
fn what_is_not_known_is_passed_over() {
    let mut page = Harness::live();
    for body in ["", "{", "[]", r#"{"type":"dance"}"#, r#"{"type":"typing"}"#] {
        page.receive(&passing("events", body.as_bytes().to_vec()));
    }
    assert!(page.changes.is_empty());
    page.hears_of(&RoomEvent::Read {
        offsets: vec![10, 15],
    });
    assert_eq!(page.engine.people().read(), [10, 15], "and life goes on");
}

#[test]
fn typing_is_said_every_three_seconds_at_most() {
    let mut page = Harness::live();
    page.event(Event::Typed);
    assert_eq!(page.said("typing").len(), 1);
    page.pass(2_999);
    page.event(Event::Typed);
    assert_eq!(page.said("typing").len(), 0);
    page.pass(1);
    page.event(Event::Typed);
    assert_eq!(page.said("typing").len(), 1);
    page.compose("안녕");
    page.event(Event::Typed);
    assert_eq!(
        page.said("typing").len(),
        1,
        "the next message is another one"
    );
    page.pass(10_000);
    page.closed();
    page.sent.clear();
    page.event(Event::Typed);
    assert!(page.sent.is_empty(), "not kept for later");
}

#[test]
fn reading_is_told_forwards_and_once_a_second() {
    let mut page = Harness::live();
    page.sees(10);
    assert_eq!(page.said("read").len(), 0, "that was read before");
    page.sees(12);
    assert_eq!(page.said("read"), [format!("{EPOCH}-3-12")]);
    page.sees(10);
    page.sees(15);
    page.pass(999);
    assert_eq!(page.said("read").len(), 0);
    page.sees(17);
    page.pass(1);
    assert_eq!(
        page.said("read"),
        [format!("{EPOCH}-3-17")],
        "the last alone"
    );
    page.pass(60_000);
    page.beat();
    assert_eq!(page.said("read").len(), 0);
}

#[test]
fn what_was_read_is_told_again_on_the_next_connection() {
    let mut page = Harness::live();
    page.sees(12);
    page.closed();
    page.sees(15);
    page.sent.clear();
    page.pass(2_000);
    page.open();
    assert_eq!(page.said("read").len(), 0, "not before the server knows us");
    page.event(Event::ReconnectNow);
    page.closed();
    page.pass(4_000);
    page.go_live_keeping_frames();
    assert_eq!(page.said("read"), [format!("{EPOCH}-3-15")]);
    page.closed();
    page.pass(8_000);
    page.go_live_keeping_frames();
    page.pass(1_000);
    assert_eq!(
        page.said("read"),
        [format!("{EPOCH}-3-15")],
        "what was said last may have been lost with its connection"
    );
}

#[test]
fn a_reader_without_a_nickname_leaves_no_trace() {
    let mut page = Harness::live();
    page.engine.me = None;
    page.event(Event::Typed);
    page.sees(15);
    page.pass(5_000);
    assert!(page.sent.is_empty());
}

#[test]
fn rooms_are_listed_by_their_latest_message() {
    let mut page = Harness::live();
    let update = |room: &str, offset, unread| RoomUpdate {
        room: room.parse().unwrap(),
        last: Message {
            ts: offset,
            ..message(offset, None, "이웃", "a")
        },
        unread,
        mentions: 1,
        read: None,
    };
    page.hears_of_rooms(vec![update("general", 15, 0), update("lunch", 20, 3)]);
    assert!(page.changes[0].rooms);
    let listed = |page: &Harness| -> Vec<(String, i64, usize)> {
        let rooms = page.engine.rooms_listed().iter();
        rooms
            .map(|room| {
                (
                    room.room.to_string(),
                    room.last.position.offset,
                    room.unread,
                )
            })
            .collect()
    };
    assert_eq!(
        listed(&page),
        [("lunch".to_owned(), 20, 3), ("general".to_owned(), 15, 0)]
    );

    page.hear(&message(21, Some(15), "이웃", "a"));
    assert_eq!(listed(&page)[0], ("general".to_owned(), 21, 0), "at once");
    page.hears_of_rooms(vec![update("general", 15, 7)]);
    assert_eq!(
        listed(&page)[0],
        ("general".to_owned(), 21, 7),
        "the server counts, and has not said its last word on the message"
    );
}
