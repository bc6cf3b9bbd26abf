//! How the server finds out whether a client lives.

use crate::start;
use crate::support::{Client, Heard};

/// A client that promises heart-beats is excused by an answered ping alone, so the first one comes early: before the
/// server's own first heart-beat, which is due after 16 s here, and long before the second ping.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_ping_comes_before_a_heart_beat_can_be_missed() {
    let (_data, maru) = start(&[]);
    let mut client = Client::open(&maru).await;
    let connect = [("accept-version", "1.2"), ("heart-beat", "0,20000")];
    client.send("CONNECT", &connect, "").await;
    assert!(matches!(client.hear().await, Heard::Stomp(frame) if frame.contains("CONNECTED")));
    assert_eq!(client.hear().await, Heard::Ping);
    assert_eq!(client.hear().await, Heard::Stomp("\n".to_owned()));
}
