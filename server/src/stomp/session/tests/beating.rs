//! Heart-beats of both sides (checklist 1.8; the tolerance for hidden pages).

use std::time::Duration;

use super::{Client, assert_refused};
use crate::stomp::destinations::Progress;
use crate::stomp::refusal::Code;
use crate::stomp::session::Session;

const SECOND: Duration = Duration::from_secs(1);

/// A client that logged in with this `heart-beat` header; also the server's header.
fn beating(heartbeat: &str) -> (Client, String) {
    let mut client = Client::new();
    let outputs = client.says(&format!(
        "CONNECT\naccept-version:1.2\nheart-beat:{heartbeat}"
    ));
    let (_, answer) = outputs[0].split_once(" heart-beat:").unwrap();
    (client, answer.to_owned())
}

/// After how many milliseconds a client that does this every so often is cut off; none within ten minutes.
fn cut_after(heartbeat: &str, every: Duration, act: impl Fn(&mut Client)) -> Option<u128> {
    let (mut client, _) = beating(heartbeat);
    let start = client.now;
    while client.now - start < 600 * SECOND {
        let before = client.now;
        for (after, output) in client.waits(every) {
            if output.starts_with("ERROR") {
                assert!(
                    output.contains(" x-code:heartbeat-timeout x-retryable:true "),
                    "{output}"
                );
                return Some((before - start).as_millis() + after);
            }
        }
        act(&mut client);
    }
    None
}

#[test]
fn item_70_a_malformed_header_is_refused() {
    for value in ["10,10,20", "a,10", "10", "", "-1,0"] {
        let mut client = Client::new();
        let outputs = client.says(&format!("CONNECT\naccept-version:1.2\nheart-beat:{value}"));
        assert_refused(&outputs, "Invalid header", Code::BadHeader);
        assert!(client.asked().is_empty());
    }
}

#[test]
fn item_74_wishes_are_followed_within_bounds() {
    for (asked, answered) in [
        ("0,0", "0,0"),
        ("0,10000", "10000,0"),
        ("10000,0", "0,10000"),
        ("50,60", "1000,1000"),
        ("500000,2000", "2000,60000"),
        ("99999999999,1", "1000,60000"),
    ] {
        assert_eq!(beating(asked).1, answered, "{asked}");
    }
}

#[test]
fn items_71_72_an_idle_server_sends_heart_beats_ahead_of_time() {
    let (mut client, _) = beating("0,10000");
    let beat = |after| (after, "BEAT".to_owned());
    assert_eq!(
        client.waits(25 * SECOND),
        [beat(8_000), beat(16_000), beat(24_000)]
    );
    client.now += SECOND;
    client.session.wrote(client.now);
    assert_eq!(
        client.waits(8 * SECOND),
        [beat(8_000)],
        "whatever is written delays the next heart-beat"
    );

    let (mut client, _) = beating("0,100");
    assert_eq!(
        client.waits(SECOND),
        [beat(800)],
        "not more often than the server promised"
    );
    let (mut client, _) = beating("0,80000");
    assert_eq!(
        client.waits(80 * SECOND),
        [beat(64_000)],
        "not more often than the client wants"
    );
}

#[test]
fn item_72_a_client_that_wants_none_gets_none() {
    for heartbeat in ["0,0", "10000,0"] {
        let (mut client, _) = beating(heartbeat);
        assert_eq!(client.waits(25 * SECOND), []);
    }
}

#[test]
fn item_72_heart_beats_go_on_while_disconnect_waits() {
    let (mut client, _) = beating("0,1000");
    client
        .session
        .destinations_mut()
        .sends
        .push_back(Ok(Progress::Pending));
    client.says("SEND\ndestination:/a");
    client.says("DISCONNECT");
    let seen = client.waits(60 * SECOND);
    assert_eq!(
        seen.iter().filter(|(_, output)| output == "BEAT").count(),
        6
    );
    assert_eq!(seen.last(), Some(&(5_000, "CLOSE 1000".to_owned())));
}

#[test]
fn item_73_a_client_that_promised_often_is_held_to_its_word() {
    assert_eq!(cut_after("1000,0", 600 * SECOND, |_| {}), Some(2_500));
    assert_eq!(
        cut_after("10,0", 600 * SECOND, |_| {}),
        Some(2_500),
        "what counts is what both agreed on"
    );
    assert_eq!(
        cut_after("4999,0", SECOND, |client| client.session.pong(client.now)),
        Some(12_497)
    );
    assert_eq!(
        cut_after("1000,0", 2 * SECOND, |client| client
            .session
            .heard(client.now)),
        None
    );
}

#[test]
fn item_73_a_client_that_promised_rarely_may_miss_two() {
    assert_eq!(cut_after("5000,0", 600 * SECOND, |_| {}), Some(15_000));
    assert_eq!(cut_after("10000,0", 600 * SECOND, |_| {}), Some(30_000));
    assert_eq!(
        cut_after("10000,0", 29 * SECOND, |client| client
            .session
            .heard(client.now)),
        None
    );
    let frames = |client: &mut Client| assert!(client.says("SEND\ndestination:/a").is_empty());
    assert_eq!(
        cut_after("10000,0", 29 * SECOND, frames),
        None,
        "a frame is as good as a heart-beat"
    );
}

#[test]
fn item_86_answers_to_pings_excuse_ninety_seconds_of_silence() {
    let pong = |client: &mut Client| client.session.pong(client.now);
    assert_eq!(cut_after("10000,0", 25 * SECOND, pong), Some(90_000));
    assert_eq!(
        cut_after("10000,0", 89 * SECOND, |client| client
            .session
            .heard(client.now)),
        Some(30_000)
    );
    let (mut client, _) = beating("10000,0");
    assert_eq!(client.waits(25 * SECOND), []);
    client.session.pong(client.now);
    let seen = client.waits(600 * SECOND);
    assert_eq!(seen[0].0, 40_000, "one answer is no excuse for ever");
    assert_eq!(
        cut_after("50000,0", 25 * SECOND, pong),
        Some(150_000),
        "three intervals are allowed in any case"
    );
}

#[test]
fn item_86_a_hidden_page_that_beats_once_a_minute_stays() {
    let (mut client, _) = beating("10000,10000");
    for second in 1..=1_800_u32 {
        assert!(
            client
                .waits(SECOND)
                .iter()
                .all(|(_, output)| output == "BEAT"),
            "after {second} s"
        );
        if second % 25 == 0 {
            client.session.pong(client.now);
        }
        if second % 60 == 0 {
            client.session.heard(client.now);
        }
    }
}

#[test]
fn item_75_without_heart_beats_pings_tell_who_is_gone() {
    for heartbeat in ["0,0", "0,10000", "60000,0"] {
        assert_eq!(
            cut_after(heartbeat, 600 * SECOND, |_| {}),
            Some(90_000),
            "{heartbeat}"
        );
    }
    assert_eq!(
        cut_after("0,0", 25 * SECOND, |client| client.session.pong(client.now)),
        None
    );
    let mut client = Client::new();
    client.log_in("1.0");
    assert_eq!(client.waits(89 * SECOND), []);
    client.session.pong(client.now);
    assert_eq!(client.waits(89 * SECOND), []);
    assert_eq!(client.waits(SECOND).len(), 2);
}

#[test]
fn a_clock_far_ahead_is_no_reason_to_panic() {
    let (mut client, answer) = beating("4294967295,4294967295");
    assert_eq!(answer, "60000,60000");
    client.now += Duration::from_hours(100 * 365 * 24);
    assert_eq!(client.does(Session::tick).len(), 2);
}
